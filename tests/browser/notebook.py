"""One notebook open in a browser: run code in a cell as a person would, and ask the kernel for the truth beside it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

_READY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  const kernel = panel.sessionContext.session.kernel;
  await kernel.info;
  window.kernelTroubles = [];
  kernel.anyMessage.connect((_, {msg, direction}) => {
    if (direction !== 'recv') return;
    const {content} = msg;
    if (msg.header.msg_type === 'error') window.kernelTroubles.push(content.traceback.join('\\n'));
    if (msg.header.msg_type === 'stream' && content.name === 'stderr') window.kernelTroubles.push(content.text);
  });
}"""

_CLEAR = """() => {
  const app = window.jupyterapp;
  const model = app.shell.currentWidget.content.model.sharedModel;
  model.insertCell(0, {cell_type: 'code'});
  model.deleteCellRange(1, model.cells.length);
  window.kernelTroubles = [];
}"""

_RUN = """async (source) => {
  const app = window.jupyterapp;
  const notebook = app.shell.currentWidget.content;
  const model = notebook.model.sharedModel;
  const last = model.cells.length - 1;
  const used = model.cells[last].source !== '';
  if (used) model.insertCell(last + 1, {cell_type: 'code'});
  const index = used ? last + 1 : last;
  model.cells[index].setSource(source);
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await app.commands.execute('notebook:run-cell');
  return index;
}"""

_THEME = "async (name) => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme: name}); }"

_TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

_EVALUATE = """async (expression) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const request = {code: '', silent: true, store_history: false, user_expressions: {value: expression}};
  const reply = await kernel.requestExecute(request).done;
  return reply.content.user_expressions.value;
}"""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_NOT_OURS = (
    re.compile(r"No such comm"),  # a page speaks of a widget that is gone, as it does while cells are cleared away
    re.compile(r"Task was destroyed but it is pending!\ntask: <.*ipykernel/utils\.py", re.DOTALL),
)
"""How texts of the kernel's log begin that are ipykernel's own, which keeps no name of the task of a message."""


class Notebook:
    """A notebook on a page of the browser, with its kernel.

    Parameters
    ----------
    page
        The page it is open on.
    screenshots
        Folder that takes pictures, or None to take none.
    """

    def __init__(self, page: Page, screenshots: Path | None = None) -> None:
        self.page = page
        self._screenshots = screenshots
        self._page_errors: list[str] = []
        page.on("pageerror", lambda error: self._page_errors.append(str(error)))
        page.on("console", lambda message: self._note(message.type, message.text))

    def open(self, address: str) -> None:
        """Load the page and wait until the kernel is connected and idle."""
        self.page.goto(address)
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell.currentWidget?.sessionContext")
        self.page.evaluate(_READY)
        self._page_errors.clear()

    def clear(self) -> None:
        """Leave one empty cell and no memory of earlier troubles; the kernel keeps its variables."""
        self.page.evaluate(_CLEAR)
        self._page_errors.clear()

    def run(self, source: str) -> Locator:
        """Run `source` in a fresh cell, wait until it is done, and return the cell's output area."""
        index = self.page.evaluate(_RUN, source)
        return self.output(index)

    def theme(self) -> str:
        """Return whether the page is shown in the ``light`` or in the ``dark``."""
        return "light" if self.page.evaluate("() => document.body.dataset.jpThemeLight") == "true" else "dark"

    def show_in(self, theme: str) -> None:
        """Show the page in the ``light`` or in the ``dark``."""
        if self.theme() == theme:
            return
        light = str(theme == "light").lower()
        before = list(self._page_errors)
        self.page.evaluate(_THEME, f"JupyterLab {theme.capitalize()}")
        self.page.wait_for_function("light => document.body.dataset.jpThemeLight === light", arg=light)
        self.page.evaluate(_TWO_FRAMES)
        self._page_errors[:] = before  # it hides itself for a frame, and stumbles at times: that is not ours

    def run_all(self) -> None:
        """Run every cell, and wait until the last is done."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def output(self, index: int) -> Locator:
        """Find what the cell at `index` shows, counted from 0 over all cells."""
        return self.page.locator(".jp-Notebook-cell").nth(index).locator(".jp-OutputArea")

    def kernel_eval(self, expression: str) -> Any:
        """Evaluate an expression in the kernel without touching the page; its value must be JSON."""
        answer = self.page.evaluate(_EVALUATE, f"__import__('json').dumps({expression})")
        if answer["status"] != "ok":
            raise AssertionError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def troubles(self) -> list[str]:
        """List what went wrong out of sight: errors and stderr of the kernel, and errors of the page."""
        kernel: list[str] = self.page.evaluate("() => window.kernelTroubles ?? []")
        plain = [_COLOUR.sub("", text) for text in kernel]
        return [text for text in plain if not any(one.match(text) for one in _NOT_OURS)] + self._page_errors

    def picture(self, name: str, target: Locator | None = None) -> None:
        """Save a picture of the page, or of one part of it, when there is a folder for pictures."""
        if self._screenshots is not None:
            self._screenshots.mkdir(parents=True, exist_ok=True)
            (target or self.page).screenshot(path=self._screenshots / f"{name}.png", animations="disabled")

    def _note(self, kind: str, text: str) -> None:
        if kind == "error":
            self._page_errors.append(text)
