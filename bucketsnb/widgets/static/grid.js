// The grid: a real table whose rows are asked for as they come into sight, and forgotten when they leave it.

const ROW = 27; // height of a row in pixels, as in the style sheet
const CHUNK = 100; // rows asked for at once
const FLEXIBLE = 30; // characters of the column that takes the rest
const LEAST = { pipeline: 15, event: 12, error: 15, text: 7 }; // characters left to a column, by its name or kind, where the page is narrow
const PADDING = 16; // pixels of a cell beside its text, as in the style sheet
const TICK = 34; // pixels of the column of check boxes
const SPARE = 12; // rows drawn above and below what is in sight
const ARROWS = { ascending: "▲", descending: "▼", none: "" };

class Grid {
  constructor(part, root) {
    this.part = part;
    this.view = part.page.view;
    this.shape = null; // what the last reset said
    this.chunks = new Map(); // first row -> { rows, stale }
    this.drawn = new Map(); // row -> tr
    this.widened = new Map(); // column name -> pixels, as the person made them
    this.active = 0; // and `anchor`, where a range begins, once a row was chosen
    this.opened = null; // the id of the work in the pane, or its row if it has none
    root.classList.add("bnb-grid");
    const own = part.page.tools ? [] : [this.bar()];
    this.causes = el("div", { class: "bnb-causes", role: "group", "aria-label": "Why they failed", hidden: true });
    root.append(...own, this.causes, el("div", { class: "bnb-grid-body" }, this.box(), this.detail(), this.reading()), this.foot());
    this.tools(part.page.tools ?? this.ownTools);
    part.page.zoned.add(() => { for (const [row, tr] of this.drawn) this.fill(tr, row); });
    this.sight = new ResizeObserver(() => this.draw());
    this.sight.observe(this.scroller);
    part.page.ends.add(() => this.sight.disconnect());
  }

  send(type, content) {
    this.part.send(type, content);
  }

  // Rows are meant as they are drawn now: in another order they are other works.
  sendOfRows(type, content) {
    this.send(type, { generation: this.shape.generation, ...content });
  }

  // ---- the parts

  bar() {
    this.ownTools = el("div", { class: "bnb-group bnb-tools", role: "group", "aria-label": "Works" });
    this.counts = el("div", { class: "bnb-counts", role: "status" });
    return el("div", { class: "bnb-row bnb-action-bar" }, this.counts, this.ownTools);
  }

  tools(place) {
    const item = (chosen, text, name, act) => button(text, () => { act(); chosen.close(); }, { class: "bnb-button bnb-quiet bnb-item", "aria-label": name });
    this.selecting = menu("Select ▾", (body) => {
      const shown = this.shape?.shown ?? 0;
      body.replaceChildren(
        this.shape?.narrowed
          ? item(this.selecting, `All ${number(shown)} shown`, `Select all ${number(shown)} works that are shown`, () => this.send("all"))
          : item(this.selecting, `All ${number(shown)} that were read`, `Select all ${number(shown)} works that were read`, () => this.send("all")),
        item(this.selecting, "Those in sight", "Select the works in sight", () => this.selectSight()),
        item(this.selecting, "None", "Select no work", () => this.send("none")));
    }, { name: "Select" });
    this.menu = menu("Columns ▾", null, { name: "Columns" });
    this.exporting = menu("Export ▾", (body) => {
      const selected = this.shape?.selected ?? 0;
      const name = `the ${selected ? `${number(selected)} ` : ""}selected works`;
      const csv = item(this.exporting, `Save ${name} as CSV`, `Save ${name} as CSV`, () => this.send("csv", { view: this.view }));
      const ids = item(this.exporting, `Copy the ids of ${name}`, `Copy the ids of ${name}`, () => this.send("ids", { view: this.view }));
      csv.disabled = ids.disabled = !selected;
      body.replaceChildren(csv, ids, el("p", { class: "bnb-muted", text: selected ? "In Python: page.selection is a DataFrame of them." : "Select works first." }));
    }, { name: "Export" });
    this.filter = el("input", { type: "search", class: "bnb-input bnb-search", placeholder: "find in rows", "aria-label": "Find in these rows" });
    let timer = null;
    this.filter.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => { timer = null; this.send("filter", { text: this.filter.value }); }, 250);
    });
    this.clearFilter = () => { if (timer === null) this.filter.value = ""; }; // another query; unless somebody types
    this.found = el("span", { class: "bnb-muted bnb-found", role: "status" });
    place.append(this.selecting.node, this.menu.node, this.exporting.node, this.filter, this.found);
  }

  // The most frequent causes in one line, all of them in a menu; a press shows the works of one, or all again.
  drawCauses() {
    const { causes } = this.shape;
    const one = ({ name, label, count, on }, of) => button(`${number(count)} × ${label}`, () => { this.send("cause", { name }); of?.close(); },
      { class: `bnb-button bnb-cause${of ? " bnb-item" : ""}`, title: label, "aria-pressed": String(on) });
    const chosen = causes.findIndex(({ on }) => on);
    const first = causes.filter((_, place) => place < 3 || place === chosen).slice(-4);
    this.every ??= menu("", (body) => body.replaceChildren(...this.shape.causes.map((cause) => one(cause, this.every))), { name: "All causes", wide: true });
    this.every.summary.textContent = `all ${number(causes.length)} causes ▾`;
    const parts = [el("span", { class: "bnb-muted", text: this.shape.why }), ...first.map((cause) => one(cause))];
    if (causes.length > 3) parts.push(this.every.node);
    const focused = this.causes.contains(document.activeElement) ? document.activeElement.textContent : null;
    this.causes.replaceChildren(...parts);
    if (focused) [...this.causes.querySelectorAll("button")].find((two) => two.textContent === focused)?.focus({ preventScroll: true });
    this.causes.hidden = !causes.length;
  }

  foot() {
    this.order = el("span", { class: "bnb-muted bnb-grow" });
    this.limit = el("select", { class: "bnb-input", "aria-label": "Read at most" });
    this.limit.addEventListener("change", () => this.send("limit", { limit: this.limit.value === "all" ? null : Number(this.limit.value) }));
    this.limitBox = el("label", { class: "bnb-muted" }, "Read at most ", this.limit);
    return el("div", { class: "bnb-row bnb-foot" }, this.order, this.limitBox);
  }

  // What is being read is said over the rows, where it will stand: nothing moves for it.
  reading() {
    this.progress = el("span", { role: "status" });
    this.stopButton = button("Stop", () => {
      this.send("stop");
      this.stopButton.disabled = true;
      this.progress.textContent = "Stopping after this answer …";
    }, { title: "Show what was read until now" });
    this.busy = el("div", { class: "bnb-reading", hidden: true }, this.progress, this.stopButton);
    return this.busy;
  }

  box() {
    this.note = el("div", { class: "bnb-note", role: "status" });
    this.head = el("thead");
    this.body = el("tbody");
    this.widths = el("colgroup");
    this.table = el("table", { role: "grid", "aria-label": "Works", "aria-multiselectable": "true" },
      this.widths, this.head, this.body);
    this.reasons = el("ul", { class: "bnb-why" });
    this.scroller = el("div", { class: "bnb-scroll", tabindex: "-1" }, this.table, this.note, this.reasons);
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
    const focused = this.body.contains(document.activeElement);
    const anchored = this.at(this.anchor)?.id;
    if (this.shape && this.shape.queries !== shape.queries) this.closeWork(); // it was opened among other works
    this.shape = shape;
    this.chunks.clear();
    for (const tr of this.drawn.values()) tr.remove();
    this.drawn.clear();
    if (shape.first.length) this.chunks.set(0, { rows: shape.first, stale: shape.first.length < Math.min(CHUNK, shape.shown) });
    this.active = Math.min(this.active, Math.max(shape.shown - 1, 0));
    // Rows have moved: what was meant by a row is meant no longer, unless the same work is in it.
    if (!anchored || this.at(this.anchor)?.id !== anchored) this.anchor = undefined;
    if (typeof this.opened === "number") this.opened = null;
    if (!shape.text) this.clearFilter();
    this.drawCauses();
    this.drawHead();
    this.drawMenu();
    this.drawCounts();
    this.limitBox.hidden = !shape.limit;
    if (shape.limit) {
      this.limit.replaceChildren(...shape.limit.choices.map((one) => el("option", { value: one ?? "all", text: one === null ? "all" : number(one) })));
      this.limit.value = shape.limit.value ?? "all";
      if (this.limit.selectedIndex < 0) this.limit.append(el("option", { value: shape.limit.value, text: number(shape.limit.value), selected: true }));
    }
    this.table.hidden = !shape.shown;
    this.draw();
    if (focused) this.focusActive();
  }

  state({ reading, stale, note, why, order }) {
    this.order.textContent = order;
    this.scroller.classList.toggle("bnb-stale", stale);
    this.scroller.setAttribute("aria-busy", String(Boolean(reading)));
    if (!reading) this.stopButton.disabled = false;
    if (!this.stopButton.disabled) this.progress.textContent = reading;
    this.busy.hidden = !reading;
    this.say(note);
    this.reasons.replaceChildren(...why.map((text) => el("li", { text })));
  }

  take({ generation, first, rows }) {
    if (generation !== this.shape?.generation) return;
    this.chunks.set(first, { rows, stale: false });
    for (let row = first; row < first + rows.length; row += 1) {
      const tr = this.drawn.get(row);
      if (tr) this.fill(tr, row);
    }
  }

  // The kernel holds the selection. Only the view that ticked a single row has painted it already.
  selectionChanged({ selected, here, view }) {
    if (!this.shape) return;
    this.shape.selected = selected;
    this.shape.here = here;
    if (view !== this.view) {
      for (const chunk of this.chunks.values()) chunk.stale = true;
      this.draw();
    }
    this.drawCounts();
  }

  // ---- drawing

  drawCounts() {
    const { shown, selected, here } = this.shape;
    const part = (word, value) => el("span", { class: `bnb-count bnb-${word}` }, el("b", { text: number(value) }), ` ${word}`);
    this.counts?.replaceChildren(part("read", shown), part("selected", selected));
    this.found.textContent = this.shape.narrowed ? `${number(shown)} shown` : "";
    const box = this.head.querySelector("input");
    if (!box) return;
    box.checked = shown > 0 && here === shown;
    box.indeterminate = here > 0 && here < shown;
  }

  drawHead() {
    const { columns, sort } = this.shape;
    this.drawWidths();
    this.table.setAttribute("aria-rowcount", this.shape.shown + 1);
    this.table.setAttribute("aria-colcount", columns.length + 1);
    const all = el("input", { type: "checkbox", "aria-label": "Select all works that were read" });
    all.addEventListener("change", () => this.send(all.checked ? "all" : "none"));
    const cells = columns.map((column) => {
      const order = sort?.name !== column.name ? "none" : sort.descending ? "descending" : "ascending";
      return el("th", { scope: "col", "aria-sort": order, class: `bnb-${column.kind}` },
        el("button", { type: "button", class: "bnb-sort", title: `Sort by ${column.title}; Shift with ← or → changes the width`, "data-name": column.name,
          onkeydown: (event) => this.widen(event, column), onclick: () => this.sort(column.name, order) },
          el("span", { text: column.title }), el("span", { class: "bnb-arrow", "aria-hidden": "true", text: ARROWS[order] })),
        this.handle(column));
    });
    const within = this.head.contains(document.activeElement) ? document.activeElement.textContent.replace(/[▲▼]/g, "") : null;
    this.head.replaceChildren(el("tr", { "aria-rowindex": "1" }, el("th", { scope: "col", class: "bnb-tick" }, all), ...cells));
    if (within) [...this.head.querySelectorAll("button")].find((one) => one.textContent.replace(/[▲▼]/g, "") === within)?.focus();
  }

  // The right edge of a heading: it can be dragged.
  handle(column) {
    const edge = el("span", { class: "bnb-edge", "aria-hidden": "true" });
    edge.addEventListener("pointerdown", (event) => {
      keep(event);
      edge.setPointerCapture(event.pointerId);
      const start = edge.parentNode.offsetWidth - event.clientX;
      edge.onpointermove = (move) => this.setWidth(column, start + move.clientX);
      edge.onpointerup = () => { edge.onpointermove = null; };
    });
    return edge;
  }

  widen(event, column) {
    const step = { ArrowLeft: -12, ArrowRight: 12 }[event.key];
    if (!step || !event.shiftKey) return;
    keep(event);
    this.setWidth(column, event.target.parentNode.offsetWidth + step);
  }

  setWidth(column, pixels) {
    this.widened.set(column.name, Math.max(40, Math.round(pixels)));
    this.drawWidths();
  }

  // Errors take what the others leave. Where all together are too wide, columns of text give way, each down to its least.
  drawWidths() {
    const sized = this.shape.columns.map(({ name, kind, title, width }) => {
      const pixels = this.widened.get(name);
      const wanted = kind === "error" ? FLEXIBLE : width;
      const least = Math.min(wanted, Math.max(LEAST[name] ?? LEAST[kind] ?? wanted, title.length + 2));
      return { name, pixels, wanted, least, flexible: kind === "error" && !pixels };
    });
    const free = sized.filter(({ pixels }) => !pixels);
    const sum = (all, value) => all.reduce((total, one) => total + value(one), 0);
    const characters = sum(free, ({ wanted }) => wanted);
    const rest = TICK + sum(sized, ({ pixels }) => pixels ?? PADDING);
    const spare = sum(free, ({ wanted, least }) => wanted - least);
    this.table.style.setProperty("--bnb-short", `max(0px, ${characters}ch + ${rest + 1}px - var(--bnb-room))`);
    const width = ({ pixels, wanted, least }) => (pixels ? `${pixels}px`
      : `max(${least}ch, ${wanted}ch - ${spare ? (wanted - least) / spare : 0} * var(--bnb-short)) + ${PADDING}px`);
    this.widths.replaceChildren(el("col", { style: `width: ${TICK}px` }),
      ...sized.map((one) => el("col", { style: one.flexible ? null : `width: calc(${width(one)})` })));
    this.table.style.width = `max(100%, ${[`${TICK}px`, ...sized.map(width)].join(" + ")})`;
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
    const focus = this.menu.body.contains(document.activeElement) ? document.activeElement.value : null;
    this.menu.body.replaceChildren(el("div", { class: "bnb-choices" }, ...boxes));
    if (focus) boxes.find((one) => one.firstChild.value === focus)?.firstChild.focus();
  }

  // Rows in sight, and a few more on both sides; two spacer rows keep the scroll bar true.
  draw() {
    if (this.shape) this.fit();
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

  // A scroll bar below the rows stands beside them, not on half of the last one.
  fit() {
    this.table.style.setProperty("--bnb-room", `${this.scroller.clientWidth}px`);
    const bar = this.scroller.offsetHeight - this.scroller.clientHeight - 2 * this.scroller.clientTop;
    const causes = this.shape.causes.length ? ROW : 0; // their line takes the place of a row: nothing below moves
    this.scroller.style.height = `${this.shape.height - causes + bar}px`;
    this.pane.style.height = this.scroller.style.height;
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
      const [said, exact, epoch] = data ? data.cells[i] : ["…", ""];
      const [text, title] = epoch === undefined ? [said, exact] : [clock(epoch, this.part.page.zone), `${said}: ${exact}`];
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
      this.asking = setTimeout(() => missing.forEach((start) => this.sendOfRows("rows", { first: start, count: CHUNK })), 30);
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
    if (extend) this.sendOfRows("range", { first: (this.anchor ??= this.active), last: row, on: true });
    else this.anchor = row;
    this.active = row;
    this.focusActive();
    if (!this.pane.hidden && !extend) this.open(row, false);
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
      this.sendOfRows("range", { first: (this.anchor ??= row), last: row, on: true });
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
    if (!data) this.sendOfRows("range", { first: row, last: row, on: true }); // its row is still on the way
    if (!data?.id) return;
    data.selected = !data.selected;
    const tr = this.drawn.get(row);
    if (tr) this.fill(tr, row);
    this.send("select", { ids: [data.id], on: data.selected, view: this.view });
  }

  selectSight() {
    const top = Math.round(this.scroller.scrollTop / ROW);
    this.sendOfRows("range", { first: top, last: Math.min(top + this.high, this.shape.shown) - 1, on: true });
  }

  open(row, byKey) {
    this.byKey = byKey;
    this.sendOfRows("open", { row, view: this.view });
  }

  showWork({ row, id, title, facts, events, json, view }) {
    if (view !== this.view) return;
    this.mark(id ?? row);
    const fresh = this.pane.hidden;
    this.pane.hidden = false;
    this.pane.setAttribute("aria-label", title);
    const zone = this.part.page.zone;
    const event = (one) => button(String(one), () => this.send("event", { event: one }), { class: "bnb-button bnb-quiet bnb-event", title: "Show all works of this event" });
    const value = ({ label, text, links, time }) => label === "event" && events.length ? el("td", {}, ...events.map(event)) : el("td", {},
      ...(links.length ? links.map((href) => el("div", {}, el("a", { href, target: "_blank", rel: "noopener noreferrer", text: printable(href) }))) : [el("span", { text: time ? `${clock(time, zone)} (${ago(time)})` : text, title: time ? text : null })]));
    this.pane.replaceChildren(
      el("div", { class: "bnb-detail-head" }, el("strong", { text: title, title }),
        copyButton("Copy JSON", "Copy this work as JSON", () => json),
        el("button", { type: "button", class: "bnb-button bnb-quiet", "aria-label": "Close this work", text: "✕", onclick: () => this.closeWork() })),
      el("div", { class: "bnb-facts-box", tabindex: "0", role: "group", "aria-label": "Fields of the work" },
        el("table", {}, el("tbody", {}, ...facts.map((fact) => el("tr", { class: fact.label === "error" ? "bnb-error-row" : null }, el("th", { scope: "row", text: fact.label }), value(fact))))),
        el("details", {}, el("summary", { text: "As JSON" }), el("pre", { text: json, tabindex: "0", "aria-label": "The whole work as JSON" }))));
    if (this.byKey) this.pane.focus({ preventScroll: true });
    this.draw();
    if (fresh && this.pane.offsetTop > this.scroller.offsetTop) this.pane.scrollIntoView({ block: "nearest" }); // it is below the rows on a narrow page
  }

  takeIds({ text, view }) { if (view === this.view) copyText(text); }

  takeCsv({ text, view }) {
    if (view !== this.view) return;
    const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    const link = el("a", { href, download: "works.csv" });
    this.part.page.root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
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

function gridPart(part, root) {
  const grid = new Grid(part, root);
  return {
    reset: (message) => grid.reset(message),
    rows: (message) => grid.take(message),
    state: (message) => grid.state(message),
    selection: (message) => grid.selectionChanged(message),
    work: (message) => grid.showWork(message),
    ids: (message) => grid.takeIds(message),
    csv: (message) => grid.takeCsv(message),
  };
}
