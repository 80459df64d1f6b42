// A form: fields and buttons as the kernel names them, and the time left for a work in hand.

function formPart(part, root) {
  root.classList.add("bnb-form");
  const title = el("h3", { class: "bnb-heading" });
  const intro = el("p", { class: "bnb-muted" });
  const left = el("p", { class: "bnb-left", role: "timer" });
  const record = el("details", { hidden: true }, el("summary", { text: "The whole work" }), el("pre", { tabindex: "0", "aria-label": "The whole work as JSON" }));
  const fields = fieldSet((name, value) => { part.page.acted = true; part.send("edit", { name, value }); });
  const notes = el("div", { class: "bnb-muted" });
  const buttons = el("div", { class: "bnb-row" });
  root.append(title, intro, left, record, fields.node, notes, buttons);
  const made = new Map();
  let until = null;
  const two = (n) => String(n).padStart(2, "0");
  const count = () => {
    const seconds = until === null ? 0 : Math.round((until - Date.now()) / 1000);
    left.hidden = until === null;
    left.textContent = seconds <= 0 ? "Its time has run out: the service may give it to someone else."
      : `Time left: ${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  };
  const timer = setInterval(count, 1000);
  part.page.ends.add(() => clearInterval(timer));
  // Who opens the form means to type: its first field of text has the focus then, unless the focus went elsewhere meanwhile.
  const begin = () => {
    const first = [...fields.node.querySelectorAll("textarea, input[type='text']")].find((field) => field.offsetParent);
    if (part.page.opening !== part.name || !first) return;
    part.page.opening = null;
    first.focus();
  };
  fields.node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input[type='text'], input[type='number']")) return;
    keep(event);
    made.get("plan")?.click(); // it only shows what would happen
  });
  return {
    begin,
    draw(now) {
      title.textContent = now.title;
      intro.textContent = now.intro;
      notes.replaceChildren(...now.notes.map((text) => el("div", { text })));
      fields.node.hidden = !now.fields.length;
      fields.update(now.fields, {});
      record.hidden = !now.record;
      record.lastChild.textContent = now.record ?? "";
      until = now.left === null || now.left === undefined ? null : Date.now() + 1000 * now.left;
      count();
      const names = new Set(now.buttons.map(({ name }) => name));
      for (const [name, one] of made) if (!names.has(name)) { one.remove(); made.delete(name); }
      now.buttons.forEach(({ name, label }, place) => {
        if (!made.has(name)) made.set(name, button(label, (event) => { if (event.detail > 1) return; part.page.acted = true; part.send("press", { name }); }));
        const one = made.get(name);
        one.classList.toggle("bnb-primary", place === now.buttons.length - 1);
        buttons.append(one);
      });
      begin();
    },
  };
}
