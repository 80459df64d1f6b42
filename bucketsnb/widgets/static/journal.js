// Past changes, newest first, each with its own Undo.

function journalPart(part, root) {
  root.classList.add("bnb-journal");
  const body = el("div", { class: "bnb-list", tabindex: "0", role: "group", "aria-label": "Entries of the journal" });
  root.append(el("div", { class: "bnb-row" }, el("h3", { class: "bnb-heading", text: "Journal" }), button("Reload", () => part.send("refresh"), { title: "Read the journal again" })), body);
  const undo = (entry) => button("Undo", (event) => { if (event.detail > 1) return; part.page.acted = true; part.send("undo", { entry }); }, { "aria-label": `Undo ${entry}` });
  let now = null;
  const draw = () => {
    const when = (time) => el("td", { text: time === null ? "" : `${clock(time, part.page.zone)} (${ago(time)})` });
    const row = ({ entry, undo: can, time, cells }) => el("tr", {}, when(time), ...cells.map((text) => el("td", { text, title: text })), el("td", {}, can ? undo(entry) : ""));
    const heads = now.headers.map((text) => el("th", { scope: "col", text }));
    body.replaceChildren(now.rows.length
      ? el("table", {}, el("thead", {}, el("tr", {}, ...heads, el("th", { scope: "col" }, el("span", { class: "bnb-hidden", text: "undo" })))), el("tbody", {}, ...now.rows.map(row)))
      : el("p", { class: "bnb-muted", text: now.read ? "Nothing was changed from this account yet." : "The journal has not been read yet." }));
    wholeRows(body, 260);
  };
  part.page.zoned.add(() => { if (now) draw(); });
  return { draw(message) { now = message; draw(); } };
}
