"""The views of :mod:`bucketsnb.display.texts` as HTML: escaped, readable without CSS and in a dark theme.

All functions return :class:`Markup`, the only text that is not escaped again; it is never made from text of others.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from bucketsnb.display import texts
from bucketsnb.display.texts import cell, numeric_columns, printable

__all__ = ["STATUS_COLOURS", "Markup", "block", "chip", "element", "escape", "page", "table"]

STATUS_COLOURS: Mapping[str, str] = {
    "created": "#7f7f7f",
    "queued": "#0072b2",
    "running": "#e69f00",
    "success": "#009e73",
    "failure": "#d55e00",
}
"""One colour a status, told apart by colour-blind eyes (Okabe and Ito's palette); always shown beside the word."""

_TEXT = "var(--jp-ui-font-color1, inherit)"
_BORDER = "var(--jp-border-color2, #bbb)"

_NO_MATHS = "mathjax_ignore tex2jax_ignore"
"""Classes that prevent a notebook from typesetting the text as TeX, which may hold links and any size of text."""

_OUTERMOST = frozenset({"div", "table"})

_LINE = "margin: 0.3em 0; overflow-wrap: anywhere"
"""Style of a sentence: a long name breaks, so that the rest, such as the host, stays visible."""

_ROOM = "padding: 0.15em clamp(0.2em, 0.6vw, 0.7em)"
"""Style of the space around a value: less on a narrow screen, so that the last column stays visible."""

_SHORT = 32
"""Length up to which a value never breaks on a screen: that of the id of an undo in the journal."""

_TINY = 11
"""Length up to which a value does not break on paper either, such as an age."""


class Markup(str):
    """Text that is HTML already; `plain` is the same in a plain-text view."""

    __slots__ = ("plain",)

    plain: str

    def __new__(cls, markup: str, plain: str = "") -> Markup:  # noqa: D102 - the class says it
        made = super().__new__(cls, markup)
        made.plain = plain
        return made


def escape(value: object, *, keep: str = "") -> Markup:
    r"""Return a value as inert HTML; :class:`Markup` passes as it is.

    `keep` has invisible characters to leave as they are, such as ``"\n"`` inside a ``pre`` element.

    Examples
    --------
    >>> str(escape("<b>\u202e&"))
    '&lt;b&gt;\\u202e&amp;'
    """
    if isinstance(value, Markup):
        return value
    text = printable(value, keep=keep) if isinstance(value, str) else cell(value)
    return Markup(html.escape(text), text)


def element(tag: str, *content: object, **attributes: str | None) -> Markup:
    """Return one element with everything in it escaped; a trailing underscore of an attribute's name is dropped.

    In what is within a ``div`` or a ``table``, no notebook takes dollars for mathematics.

    Examples
    --------
    >>> str(element("td", "<x>", style="color: red"))
    '<td style="color: red">&lt;x&gt;</td>'
    """
    if tag in _OUTERMOST:
        attributes["class_"] = " ".join(filter(None, [attributes.get("class_"), _NO_MATHS]))
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(printable(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inner = [escape(part) for part in content]
    return Markup(f"<{tag}{written}>{''.join(inner)}</{tag}>", "".join(part.plain for part in inner))


def chip(status: object) -> Markup:
    """Return a status as a word with its colour."""
    colour = STATUS_COLOURS.get(str(status), "#999999")
    style = f"border-left: 0.6em solid {colour}; padding-left: 0.35em; white-space: nowrap"
    return element("span", status, style=style)


def table(headers: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str | None = None) -> Markup:
    """Draw a table; :func:`bucketsnb.display.texts.table` draws the same in plain text.

    Alignment is also written as the old ``align`` attribute, which hosts that strip styles keep.
    """
    rows = [list(row) for row in rows]
    sides = ["right" if numeric else "left" for numeric in numeric_columns(headers, rows)]
    style = f"caption-side: top; text-align: left; color: {_TEXT}"
    drawn = element(
        "table",
        element("caption", caption, style=style) if caption else Markup(""),
        element("thead", _row("th", headers, sides)),
        element("tbody", *(_row("td", row, sides) for row in rows)),
        style=f"border-collapse: collapse; color: {_TEXT}",
    )
    return Markup(drawn, texts.table(headers, rows, caption=caption))


def _row(tag: str, values: Sequence[object], sides: Sequence[str]) -> Markup:
    scope = "col" if tag == "th" else None
    cells = (
        element(tag, cell, scope=scope, align=side, style=f"{_cell_style(cell)}; text-align: {side}")
        for cell, side in zip(map(escape, values), sides, strict=True)
    )
    return element("tr", *cells)


def _cell_style(cell: Markup) -> str:
    """Keep short values on one line, as an age reads badly in pieces; let long values break anywhere."""
    letters = len(cell.plain)
    wrap = "white-space: nowrap" if letters <= _SHORT else "overflow-wrap: anywhere; min-width: 12em"
    if letters <= _TINY:
        wrap += "; word-break: keep-all"
    return f"{_ROOM}; border-bottom: 1px solid {_BORDER}; vertical-align: top; {wrap}"


def block(title: object, *parts: object) -> Markup:
    """Return a titled block: a heading line, then each part (escaped text becomes a paragraph)."""
    drawn = (part if isinstance(part, Markup) else element("p", part, style=_LINE) for part in parts)
    heading = element("p", element("strong", title), style=_LINE)
    return element("div", heading, *drawn, style=f"color: {_TEXT}")


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --jp-ui-font-color1: #1d2327; --jp-ui-font-color2: #5b6670;
  --jp-border-color2: #ccd2d8; --paper: #ffffff; }}
@media (prefers-color-scheme: dark) {{ :root {{ --jp-ui-font-color1: #e6e9ec; --jp-ui-font-color2: #a3adb6;
  --jp-border-color2: #46505a; --paper: #15191d; }} }}
body {{ font: 14px/1.5 system-ui, sans-serif; color: var(--jp-ui-font-color1); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }}
h1 {{ font-size: 1.6rem; }} h2 {{ font-size: 1.2rem; margin-top: 2rem; }} h1, h2 {{ line-height: 1.25; }}
h1, h2, h2 + p, caption, thead {{ break-after: avoid; }} tr, img, li {{ break-inside: avoid; }}
table:not(:has(tbody tr:nth-child(25))) {{ break-inside: avoid; }}
tbody tr:nth-child(-n+3) {{ break-after: avoid; }} tbody tr:nth-last-child(-n+3) {{ break-before: avoid; }}
p {{ orphans: 3; widows: 3; }} li {{ margin: 0.2em 0; }}
a.anchor-link, .jp-InputPrompt, .jp-OutputPrompt, .prompt {{ display: none; }}
img {{ max-width: 100%; height: auto; display: block; }}
div.output, .jp-OutputArea-output {{ overflow-x: auto; }}
table {{ font-variant-numeric: tabular-nums; }}
pre {{ white-space: pre-wrap; }}
@media (max-width: 800px) {{
  body {{ margin: 1rem auto; padding: 0 0.75rem; }}
  table {{ font-size: 12px; line-height: 1.35; }}
  th, td {{ padding: 0.15em 0.2em !important; white-space: normal !important; min-width: 0 !important; }}
  th:first-child, td:first-child {{ padding-left: 0 !important; }}
  td > div {{ width: 3em !important; }}
  ul {{ padding-left: 1.2em; }}
}}
@media (max-width: 420px) {{ td:not([align=right]) {{ overflow-wrap: anywhere; }} }}
@media (max-width: 380px) {{ table {{ font-size: 10px; }} td > div {{ width: 2em !important; }} }}
@page {{ size: A4; margin: 15mm; }}
@media print {{
  :root {{ color-scheme: light; --jp-ui-font-color1: #1d2327; --jp-ui-font-color2: #5b6670;
    --jp-border-color2: #ccd2d8; --paper: #ffffff; }}
  body {{ max-width: none; margin: 0; padding: 0; font-size: 11px; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }}
  div.output, .jp-OutputArea-output {{ overflow: visible; }}
  th, td {{ white-space: normal !important; min-width: 0 !important; padding: 0.15em 0.5em !important; }}
  th:first-child, td:first-child {{ padding-left: 0 !important; }}
}}
</style></head>
<body><main>
{body}
</main></body></html>
"""


def page(title: str, body: Markup) -> str:
    """Return a whole HTML page: no links to anywhere, readable on its own, light or dark as the reader likes."""
    return _PAGE.format(title=escape(title), body=body)
