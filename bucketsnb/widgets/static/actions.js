// Counts, actions and further panels; the grid puts its own tools between them.

function actionsPart(part, root) {
  root.classList.add("bnb-actions");
  const { send } = part;
  const counts = el("div", { class: "bnb-counts", role: "status" });
  const actions = el("div", { class: "bnb-group", role: "group", "aria-label": "Actions on the selected works" });
  const tools = el("div", { class: "bnb-group bnb-tools", role: "group", "aria-label": "Works" });
  const panels = el("div", { class: "bnb-group bnb-panels", role: "group", "aria-label": "More" });
  const offer = el("div", { class: "bnb-offer", role: "status" });
  part.page.tools = tools;
  root.append(el("div", { class: "bnb-row bnb-action-bar" }, counts, actions, tools, panels), offer);
  const made = new Map();
  const keyed = (group, key, text, onclick) => {
    if (!made.has(key)) { made.set(key, button(text, onclick)); group.append(made.get(key)); }
    return made.get(key);
  };
  return {
    draw(now) {
      counts.classList.toggle("bnb-old", now.old); // of the filters before, as the works below are
      counts.replaceChildren(...now.counts.map(({ value, word }) => el("span", { class: `bnb-count bnb-${word}` }, el("b", { text: value }), ` ${word}`)));
      for (const { name, label, on, title } of now.actions) {
        const one = keyed(actions, `do-${name}`, label, (event) => { if (event.detail < 2) { part.page.opening = name; send("do", { name }); } });
        if (!on && one === document.activeElement) counts.parentNode.querySelector("summary, button:enabled")?.focus({ preventScroll: true });
        one.disabled = !on;
        one.title = title;
        if (name === "change") one.setAttribute("aria-expanded", String(now.opened === "change"));
        one.classList.toggle("bnb-pressed", now.opened === name);
      }
      for (const { name, label, open } of now.panels) {
        const one = keyed(panels, `open-${name}`, label, () => { part.page.opening = name; send("open", { name }); });
        one.setAttribute("aria-expanded", String(open));
        one.classList.toggle("bnb-pressed", open);
      }
      actions.hidden = !now.actions.length;
      panels.hidden = !now.panels.length;
      const line = now.offer ? [el("span", { text: now.offer.text }), button(now.offer.label, () => send(now.offer.name))] : [];
      offer.hidden = !line.length;
      offer.replaceChildren(...line);
    },
  };
}
