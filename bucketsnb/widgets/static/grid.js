// The grid: a real table whose rows are asked for as they come into sight, and forgotten when they leave it.

const ROW = 27; // height of a row in pixels, as in the style sheet
const CHUNK = 100; // rows asked for at once
const SPARE = 12; // rows drawn above and below what is in sight
const ARROWS = { ascending: "▲", descending: "▼", none: "" };
const number = (n) => n.toLocaleString("en-US");

class Grid {
  constructor(model, root) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.shape = null; // what the last reset said
    this.chunks = new Map(); // first row -> { rows, stale }
    this.drawn = new Map(); // row -> tr
    this.active = 0; // and `anchor`, where a range begins, once a row was chosen
    this.opened = null; // the id of the work in the pane, or its row if it has none
    root.classList.add("bnb", "bnb-grid");
    root.append(this.bar(), this.box(), this.detail());
    keepTyping(root);
    this.silence = setTimeout(() => this.say("The kernel does not answer: run this cell to bring the grid back."), 4000);
    this.sight = new ResizeObserver(() => this.draw());
    this.sight.observe(this.scroller);
    this.stop = converse(model, {
      reset: (message) => this.reset(message),
      rows: (message) => this.take(message),
      selection: (message) => this.selectionChanged(message),
      work: (message) => this.showWork(message),
    });
  }

  dispose() {
    clearTimeout(this.silence);
    this.sight.disconnect();
    this.stop();
  }

  send(type, content = {}) {
    this.model.send({ type, view: this.view, generation: this.shape?.generation, ...content });
  }

  // ---- the parts

  bar() {
    this.counts = el("div", { class: "bnb-counts", role: "status" });
    const button = (text, name, onclick) =>
      el("button", { type: "button", class: "bnb-button bnb-quiet", "aria-label": name, text, onclick });
    this.menu = el("details", { class: "bnb-menu" });
    this.menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      keep(event);
      this.menu.open = false;
      this.menu.querySelector("summary").focus();
    });
    return el("div", { class: "bnb-bar" }, this.counts,
      el("div", { class: "bnb-tools", role: "group", "aria-label": "Select" },
        el("span", { class: "bnb-muted", text: "Select" }),
        button("in sight", "Select the works in sight", () => this.selectSight()),
        (this.allButton = button("all shown", "Select all works shown", () => this.send("all"))),
        button("none", "Select no work", () => this.send("none"))),
      this.menu);
  }

  box() {
    this.note = el("div", { class: "bnb-note", role: "status" });
    this.head = el("thead");
    this.body = el("tbody");
    this.widths = el("colgroup");
    this.table = el("table", { role: "grid", "aria-label": "Works", "aria-multiselectable": "true" },
      this.widths, this.head, this.body);
    this.scroller = el("div", { class: "bnb-scroll", tabindex: "-1" }, this.table, this.note);
    this.scroller.addEventListener("scroll", () => {
      this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); });
    });
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => this.click(event));
    return this.scroller;
  }

  detail() {
    this.pane = el("section", { class: "bnb-detail", hidden: true, tabindex: "-1" });
    this.pane.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { keep(event); this.closeWork(); }
    });
    return this.pane;
  }

  say(note) {
    this.note.textContent = note;
    this.note.hidden = !note;
  }

  // ---- what the kernel says

  reset(shape) {
    clearTimeout(this.silence);
    const focused = this.body.contains(document.activeElement);
    const anchored = this.at(this.anchor)?.id;
    this.shape = shape;
    this.chunks.clear();
    for (const tr of this.drawn.values()) tr.remove();
    this.drawn.clear();
    if (shape.first.length) this.chunks.set(0, { rows: shape.first, stale: shape.first.length < Math.min(CHUNK, shape.shown) });
    this.active = Math.min(this.active, Math.max(shape.shown - 1, 0));
    // Rows have moved: what was meant by a row is meant no longer, unless the same work is in it.
    if (!anchored || this.at(this.anchor)?.id !== anchored) this.anchor = undefined;
    if (typeof this.opened === "number") this.opened = null;
    this.scroller.style.maxHeight = `${shape.height}px`;
    this.drawHead();
    this.drawMenu();
    this.drawCounts();
    this.allButton.textContent = `all ${number(shape.shown)} shown`;
    this.allButton.setAttribute("aria-label", `Select all ${number(shape.shown)} works shown`);
    this.say(shape.note);
    this.table.hidden = !shape.shown;
    this.draw();
    if (focused) this.focusActive();
  }

  take({ generation, first, rows }) {
    if (generation !== this.shape?.generation) return;
    this.chunks.set(first, { rows, stale: false });
    for (let row = first; row < first + rows.length; row += 1) {
      const tr = this.drawn.get(row);
      if (tr) this.fill(tr, row);
    }
  }

  selectionChanged({ selected, view }) {
    this.shape.selected = selected;
    if (view !== this.view) {
      for (const chunk of this.chunks.values()) chunk.stale = true;
      this.draw();
    }
    this.drawCounts();
  }

  // ---- drawing

  drawCounts() {
    const { shown, matched, selected } = this.shape;
    const part = (word, value, strong) =>
      el("span", { class: strong ? "bnb-count bnb-strong" : "bnb-count" }, `${word} `, el("b", { text: value }));
    this.counts.replaceChildren(
      part("Shown", number(shown)), part("Matched", matched), part("Selected", number(selected), selected > 0));
    const box = this.head.querySelector("input");
    if (!box) return;
    box.checked = shown > 0 && selected === shown;
    box.indeterminate = selected > 0 && selected < shown;
  }

  drawHead() {
    const { columns, sort } = this.shape;
    const ch = (n) => el("col", { style: `width: calc(${n}ch + 20px)` });
    this.widths.replaceChildren(el("col", { style: "width: 34px" }), ...columns.map((column) => ch(column.width)));
    this.table.style.width = `max(100%, calc(${columns.reduce((sum, one) => sum + one.width, 0)}ch + ${34 + 20 * columns.length}px))`;
    this.table.setAttribute("aria-rowcount", this.shape.shown + 1);
    this.table.setAttribute("aria-colcount", columns.length + 1);
    const all = el("input", { type: "checkbox", "aria-label": "Select all works shown" });
    all.addEventListener("change", () => this.send(all.checked ? "all" : "none"));
    const cells = columns.map((column) => {
      const order = sort?.name !== column.name ? "none" : sort.descending ? "descending" : "ascending";
      return el("th", { scope: "col", "aria-sort": order, class: `bnb-${column.kind}` },
        el("button", { type: "button", class: "bnb-sort", title: `Sort by ${column.title}`, onclick: () => this.sort(column.name, order) },
          el("span", { text: column.title }), el("span", { class: "bnb-arrow", "aria-hidden": "true", text: ARROWS[order] })));
    });
    const within = this.head.contains(document.activeElement) ? document.activeElement.textContent.replace(/[▲▼]/g, "") : null;
    this.head.replaceChildren(el("tr", { "aria-rowindex": "1" }, el("th", { scope: "col", class: "bnb-tick" }, all), ...cells));
    if (within) [...this.head.querySelectorAll("button")].find((one) => one.textContent.replace(/[▲▼]/g, "") === within)?.focus();
  }

  drawMenu() {
    const shown = new Set(this.shape.columns.map((column) => column.name));
    const boxes = this.shape.choices.map(([name, title]) => {
      const box = el("input", { type: "checkbox", value: name });
      box.checked = shown.has(name);
      box.addEventListener("change", () =>
        this.send("columns", { names: boxes.map((one) => one.firstChild).filter((one) => one.checked).map((one) => one.value) }));
      return el("label", {}, box, ` ${title}`);
    });
    const focus = this.menu.contains(document.activeElement) ? document.activeElement.value : null;
    this.menu.replaceChildren(el("summary", { class: "bnb-button", text: "Columns" }), el("div", { class: "bnb-choices" }, ...boxes));
    if (focus) boxes.find((one) => one.firstChild.value === focus)?.firstChild.focus();
  }

  // Rows in sight, and a few more on both sides; two spacer rows keep the scroll bar true.
  draw() {
    if (!this.shape?.shown) { this.body.replaceChildren(); return; }
    const { shown } = this.shape;
    const top = Math.floor(this.scroller.scrollTop / ROW);
    this.high = Math.max(Math.floor((this.scroller.clientHeight - this.head.offsetHeight) / ROW), 1);
    const first = Math.max(top - SPARE, 0);
    const last = Math.min(top + this.high + SPARE, shown - 1);
    for (const [row, tr] of this.drawn) {
      if (row >= first && row <= last) continue;
      if (tr.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
      tr.remove();
      this.drawn.delete(row);
    }
    this.above ??= el("tr", { class: "bnb-space", "aria-hidden": "true" }, el("td"));
    this.below ??= el("tr", { class: "bnb-space", "aria-hidden": "true" }, el("td"));
    if (this.above.parentNode !== this.body) this.body.prepend(this.above);
    let before = this.above;
    for (let row = first; row <= last; row += 1) {
      let tr = this.drawn.get(row);
      if (!tr) {
        tr = this.newRow(row);
        this.drawn.set(row, tr);
        this.fill(tr, row);
      }
      if (before.nextSibling !== tr) before.after(tr);
      before = tr;
    }
    before.after(this.below);
    this.above.firstChild.style.height = `${first * ROW}px`;
    this.below.firstChild.style.height = `${(shown - 1 - last) * ROW}px`;
    this.rove(first, last);
    this.ask(first, last);
  }

  newRow(row) {
    const tr = el("tr", { "aria-rowindex": row + 2, "data-row": row, tabindex: "-1" });
    tr.append(el("td", { class: "bnb-tick" }, el("input", { type: "checkbox", tabindex: "-1" })),
      ...this.shape.columns.map((column) => el("td", { class: `bnb-${column.kind}` })));
    return tr;
  }

  at(row) {
    return this.chunks.get(row - (row % CHUNK))?.rows[row % CHUNK];
  }

  isOpened(row) {
    const data = this.at(row);
    return Boolean(data) && this.opened === (data.id ?? row);
  }

  fill(tr, row) {
    const data = this.at(row);
    const box = tr.firstChild.firstChild;
    tr.classList.toggle("bnb-waiting", !data);
    box.disabled = !data?.id;
    box.checked = Boolean(data?.selected);
    box.setAttribute("aria-label", !data ? "Loading" : data.id ? `Select work ${data.id}` : "This work has no id and cannot be selected");
    tr.setAttribute("aria-selected", String(Boolean(data?.selected)));
    tr.classList.toggle("bnb-opened", this.isOpened(row));
    this.shape.columns.forEach((column, i) => {
      const td = tr.children[i + 1];
      const [text, title] = data ? data.cells[i] : ["…", ""];
      if (column.kind === "status" && text) {
        const chip = el("span", { class: "bnb-chip", text });
        chip.style.setProperty("--bnb-chip", this.shape.colours[text] ?? "#999");
        td.replaceChildren(chip);
      } else td.textContent = text;
      if (title && title !== text) td.title = title; else td.removeAttribute("title");
    });
  }

  // Ask for the chunks in sight that are missing or old, once the scrolling rests for a moment.
  ask(first, last) {
    clearTimeout(this.asking);
    const missing = [];
    for (let start = first - (first % CHUNK); start <= last; start += CHUNK) {
      const chunk = this.chunks.get(start);
      if (!chunk || chunk.stale) missing.push(start);
    }
    if (missing.length) {
      this.asking = setTimeout(() => missing.forEach((start) => this.send("rows", { first: start, count: CHUNK })), 30);
    }
    if (this.chunks.size > 60) {
      for (const start of this.chunks.keys()) if (start + CHUNK < first || start > last) this.chunks.delete(start);
    }
  }

  // ---- what the person does

  sort(name, order) {
    this.scroller.scrollTop = 0;
    this.active = 0;
    this.send("sort", { name: order === "descending" ? null : name, descending: order === "ascending" });
  }

  rove(first, last) {
    const row = this.active >= first && this.active <= last ? this.active : Math.ceil(this.scroller.scrollTop / ROW);
    for (const [one, tr] of this.drawn) tr.tabIndex = one === row ? 0 : -1;
  }

  focusActive() {
    const top = this.active * ROW;
    const space = this.high * ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > this.scroller.scrollTop + space) this.scroller.scrollTop = top + ROW - space;
    this.draw();
    this.drawn.get(this.active)?.focus({ preventScroll: true });
  }

  key(event) {
    if (!this.shape?.shown || !(event.target === this.scroller || event.target.matches("tbody tr, tbody input"))) return;
    const last = this.shape.shown - 1;
    const to = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + this.high,
      PageUp: this.active - this.high, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      keep(event);
      this.move(Math.min(Math.max(to, 0), last), event.shiftKey);
    } else if (event.key === " ") {
      keep(event);
      this.anchor = this.active;
      this.toggle(this.active);
    } else if (event.key === "Enter") {
      keep(event);
      this.open(this.active, true);
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      keep(event);
      this.send("all");
    } else if (event.key === "Escape" && !this.pane.hidden) {
      keep(event);
      this.closeWork();
    }
  }

  move(row, extend) {
    if (extend) this.send("range", { first: (this.anchor ??= this.active), last: row, on: true });
    else this.anchor = row;
    this.active = row;
    this.focusActive();
  }

  click(event) {
    const tr = event.target.closest("tr[data-row]");
    if (!tr) return;
    const row = Number(tr.dataset.row);
    const tick = event.target.closest(".bnb-tick");
    this.active = row;
    this.rove(-1, Infinity);
    if (event.shiftKey) {
      event.preventDefault();
      document.getSelection()?.removeAllRanges();
      this.send("range", { first: (this.anchor ??= row), last: row, on: true });
    } else if (tick || event.ctrlKey || event.metaKey) {
      this.anchor = row;
      this.toggle(row, event.target);
    } else if (!document.getSelection()?.toString()) { // text that was marked to be copied is not a click
      this.anchor = row;
      this.open(row, false);
    }
    if (!event.target.matches("input")) tr.focus({ preventScroll: true });
  }

  toggle(row) {
    const data = this.at(row);
    if (!data) this.send("range", { first: row, last: row, on: true }); // its row is still on the way
    if (!data?.id) return;
    data.selected = !data.selected;
    const tr = this.drawn.get(row);
    if (tr) this.fill(tr, row);
    this.send("select", { ids: [data.id], on: data.selected });
  }

  selectSight() {
    const top = Math.round(this.scroller.scrollTop / ROW);
    this.send("range", { first: top, last: Math.min(top + this.high, this.shape.shown) - 1, on: true });
  }

  open(row, byKey) {
    this.byKey = byKey;
    this.send("open", { row });
  }

  showWork({ row, id, title, json, view }) {
    if (view !== this.view) return;
    this.mark(id ?? row);
    this.pane.hidden = false;
    this.pane.setAttribute("aria-label", title);
    this.pane.replaceChildren(
      el("div", { class: "bnb-detail-head" }, el("strong", { text: title }),
        copyButton("Copy JSON", "Copy this work as JSON", () => json),
        el("button", { type: "button", class: "bnb-button bnb-quiet", "aria-label": "Close this work", text: "✕", onclick: () => this.closeWork() })),
      el("pre", { text: json, tabindex: "0", "aria-label": "The whole work as JSON" }));
    if (this.byKey) this.pane.focus();
    this.pane.scrollIntoView({ block: "nearest" });
  }

  closeWork() {
    const within = this.pane.contains(document.activeElement);
    this.pane.hidden = true;
    this.mark(null);
    if (within) this.focusActive();
  }

  mark(opened) {
    this.opened = opened;
    for (const [row, tr] of this.drawn) tr.classList.toggle("bnb-opened", this.isOpened(row));
  }
}

function render({ model, el: root }) {
  const grid = new Grid(model, root);
  return () => grid.dispose();
}

export default { render };
