// The filters as chips over a form: a chip opens the form at its field, or goes.

function codeBlock(title, name) {
  const pre = el("pre", { tabindex: "0", "aria-label": name });
  const copy = copyButton("Copy", `Copy the ${name}`, () => pre.textContent);
  const node = el("div", { class: "bnb-code" }, el("div", { class: "bnb-code-head" }, el("span", { text: title }), copy), pre);
  return { node, set(text) { pre.textContent = text; node.hidden = !text; } };
}

function filtersPart(part, root) {
  root.classList.add("bnb-filters");
  const { send } = part;
  const fields = fieldSet((name, value) => send("edit", { name, value }));
  const others = el("div", { class: "bnb-others" });
  const problem = el("div", { class: "bnb-problem", role: "alert" });
  const notes = el("div", { class: "bnb-notes" });
  const chips = el("div", { class: "bnb-chips", role: "group", "aria-label": "Filters" });
  const python = codeBlock("Python", "query in Python");
  const mongo = codeBlock("Document", "query document");
  const incomplete = el("p", { class: "bnb-muted", text: "There is no code while a filter has a mistake." });
  let now = null;

  const undo = button("Undo edit", () => send("undo"), { title: "Undo the last edit of the filters; works are not touched", class: "bnb-button bnb-quiet" });
  const redo = button("Redo edit", () => send("redo"), { title: "Redo the edit of the filters", class: "bnb-button bnb-quiet" });
  const done = button("Done", () => show(false), { class: "bnb-button bnb-primary" });
  const form = el("div", { class: "bnb-filter-form", hidden: true, role: "group", "aria-label": "Edit the filters" },
    fields.node, others, el("div", { class: "bnb-row" }, done, undo, redo));
  const add = button("+ Filter", () => show(form.hidden), { "aria-expanded": "false" });
  const clear = button("Clear", () => send("clear"), { "aria-label": "Clear all filters", class: "bnb-button bnb-quiet" });
  form.addEventListener("keydown", (event) => {
    const nothingTyped = event.key === "Enter" && event.target.matches(".bnb-tokens > input");
    if (event.key === "Escape" || nothingTyped) { keep(event); show(false); }
  });

  const show = (open, name = null) => {
    form.hidden = !open;
    add.setAttribute("aria-expanded", String(open));
    const field = open ? form.querySelector(name ? `[data-field="${name}"] :is(input, button)` : "input, button") : add;
    field?.focus({ preventScroll: !open });
  };

  const saved = menu("Saved ▾", (body) => {
    const name = el("input", { type: "text", class: "bnb-input", placeholder: "name", "aria-label": "Name for this query", maxlength: "80" });
    const save = button("Save", () => { send("save", { name: name.value }); saved.close(); }, { "aria-label": "Save this query under the name" });
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") { keep(event); save.click(); } });
    body.replaceChildren(
      ...now.saved.map((one) => el("div", { class: "bnb-row" },
        button(one, () => { send("load", { name: one }); saved.close(); }, { class: "bnb-button bnb-quiet bnb-grow", "aria-label": `Open the saved query ${one}` }),
        button("✕", () => { send("forget", { name: one }); saved.close(); }, { class: "bnb-button bnb-quiet", "aria-label": `Remove saved query ${one}`, title: "Remove saved query" }))),
      now.saved.length ? "" : el("p", { class: "bnb-muted", text: "No query is saved yet." }),
      el("div", { class: "bnb-row" }, name, save));
  }, { name: "Saved queries" });

  const area = el("textarea", { class: "bnb-input", rows: "3", spellcheck: "false", "aria-label": "Query document as JSON",
    placeholder: '{"pipeline": "fitburst", "status": {"$in": ["queued", "running"]}}' });
  const code = menu("Code ▾", null, { name: "Code of the query", wide: true });
  code.body.append(python.node, mongo.node, incomplete, el("div", { class: "bnb-label", text: "Paste a document" }), area,
    button("Use it", () => { send("paste", { text: area.value }); code.close(); }, { "aria-label": "Use the pasted document as the query" }));

  const quick = el("div", { class: "bnb-group bnb-quick-filters", role: "group", "aria-label": "Quick filters" });
  const bar = el("div", { class: "bnb-row bnb-filter-bar" }, chips, add, clear, saved.node, code.node, quick);
  root.append(bar, problem, notes, form);

  const chip = ({ name, label, value, problem: wrong }) => el("span", { class: `bnb-token${wrong ? " bnb-wrong" : ""}` },
    el("button", { type: "button", class: "bnb-token-text", title: wrong || `Edit the filter ${label}: ${printable(value)}`, "aria-label": `Edit the filter ${label}: ${printable(value)}`,
      onclick: () => show(true, name) }, ...(value ? [el("span", { text: `${label}:` }), el("span", { text: ` ${printable(value)}` })] : [el("span", { text: label })])),
    el("button", { type: "button", text: "×", title: "Remove this filter", "aria-label": `Remove the filter ${label}`, onclick: () => { add.focus(); send("remove", { name }); } }));
  const other = ({ label, document: text }, place) => el("span", { class: "bnb-token" },
    el("span", { class: "bnb-token-text", text: label, title: text }),
    el("button", { type: "button", text: "×", "aria-label": `Remove: ${label}`, onclick: () => { add.focus(); send("drop", { place }); } }));

  return {
    draw(message) {
      now = message;
      fields.update(now.fields, now.colours);
      const all = [...now.chips.map(chip), ...now.others.map(other)];
      chips.replaceChildren(...(all.length ? all : [el("span", { class: "bnb-muted", text: "No filters: all works" })]));
      others.replaceChildren(...(now.others.length ? [el("div", { class: "bnb-label", text: "Other conditions, kept as they are" })] : []),
        ...now.others.map((one) => el("div", { class: "bnb-other" }, el("span", { text: one.label }),
          el("code", { text: one.document.replace(/\s*\n\s*/g, " "), title: one.document }))));
      const wrong = now.chips.filter((one) => one.problem);
      problem.textContent = [now.problem, ...wrong.map((one) => `${one.label}: ${one.problem}`)].filter(Boolean).join(" ");
      notes.replaceChildren(...now.notes.map((text) => el("div", { text: `Note: ${text}` })));
      python.set(now.python);
      mongo.set(now.document);
      incomplete.hidden = Boolean(now.python);
      if (!quick.children.length) {
        quick.append(...now.quick.map(({ name, label, hint }) => button(label, () => send("quick", { name }), { title: hint, class: "bnb-button bnb-quick" })));
      }
      now.quick.forEach(({ on }, place) => quick.children[place].setAttribute("aria-pressed", String(on)));
      undo.disabled = !now.undo;
      redo.disabled = !now.redo;
      clear.disabled = !all.length;
    },
  };
}
