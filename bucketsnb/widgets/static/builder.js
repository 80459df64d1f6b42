// The query builder: fields on the left, the query as Python and as a document on the right.

function codeBlock(title, name) {
  const pre = el("pre", { tabindex: "0", "aria-label": name });
  const node = el("div", { class: "bnb-code" },
    el("div", { class: "bnb-code-head" }, el("span", { text: title }), copyButton("Copy", `Copy the ${name}`, () => pre.textContent)), pre);
  return { node, set(text) { pre.textContent = text; node.classList.toggle("bnb-none", !text); } };
}

function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-builder");
  keepTyping(root);
  const send = (type, content = {}) => model.send({ type, ...content });
  const button = (text, name, onclick, quiet = true) =>
    el("button", { type: "button", class: `bnb-button${quiet ? " bnb-quiet" : ""}`, "aria-label": name, text, onclick });

  const fields = fieldSet((name, value) => send("edit", { name, value }));
  const others = el("div", { class: "bnb-others" });
  const problem = el("div", { class: "bnb-problem", role: "alert" });
  const notes = el("div", { class: "bnb-notes" });
  const python = codeBlock("Python", "query in Python");
  const mongo = codeBlock("Document", "query document");

  const undo = button("Undo", "Undo the last edit", () => send("undo"));
  const redo = button("Redo", "Redo the edit", () => send("redo"));
  const clear = button("Clear", "Clear the query", () => send("clear"));

  const saved = el("select", { class: "bnb-input", "aria-label": "Saved queries" });
  const load = button("Open", "Open the saved query", () => saved.value && send("load", { name: saved.value }));
  const forget = button("Delete", "Delete the saved query", () => saved.value && send("forget", { name: saved.value }));
  const name = el("input", { type: "text", class: "bnb-input", placeholder: "name", "aria-label": "Name for this query", maxlength: "80" });
  const save = button("Save", "Save this query under the name", () => { send("save", { name: name.value }); name.value = ""; });
  name.addEventListener("keydown", (event) => { if (event.key === "Enter") { keep(event); save.click(); } });

  const area = el("textarea", { class: "bnb-input", rows: "5", spellcheck: "false", "aria-label": "Query document as JSON",
    placeholder: '{"pipeline": "fitburst", "status": {"$in": ["queued", "running"]}}' });
  const paste = el("details", { class: "bnb-paste" }, el("summary", { text: "Paste a document" }), area,
    button("Use it", "Use the pasted document as the query", () => send("paste", { text: area.value }), false));

  root.append(
    el("div", { class: "bnb-tools" },
      el("div", { class: "bnb-group", role: "group", "aria-label": "Edit" }, undo, redo, clear),
      el("div", { class: "bnb-group", role: "group", "aria-label": "Saved queries" }, saved, load, forget),
      el("div", { class: "bnb-group", role: "group", "aria-label": "Save" }, name, save)),
    el("div", { class: "bnb-halves" },
      el("div", { class: "bnb-form" }, fields.node, others, problem, notes),
      el("div", { class: "bnb-said" }, python.node, mongo.node, paste)));

  const drawOthers = (list) => others.replaceChildren(...(list.length ? [el("div", { class: "bnb-label", text: "Other conditions, kept as they are" })] : []),
    ...list.map((other, place) => el("div", { class: "bnb-other" },
      el("span", { text: other.label }), el("code", { text: other.document.replace(/\s*\n\s*/g, " "), title: other.document }),
      el("button", { type: "button", class: "bnb-button bnb-quiet", "aria-label": `Remove: ${other.label}`, text: "✕", onclick: () => send("drop", { place }) }))));

  const drawSaved = (names) => {
    const chosen = saved.value;
    saved.replaceChildren(el("option", { value: "", text: names.length ? "Saved queries" : "No saved queries" }),
      ...names.map((one) => el("option", { value: one, text: one })));
    saved.value = names.includes(chosen) ? chosen : "";
    saved.disabled = !names.length;
  };

  return converse(model, {
    draw(now) {
      fields.update(now.fields, now.colours);
      drawOthers(now.others);
      drawSaved(now.saved);
      problem.textContent = now.problem;
      notes.replaceChildren(...now.notes.map((text) => el("div", { text: `Note: ${text}` })));
      python.set(now.python || "Correct the fields that are marked.");
      mongo.set(now.document);
      undo.disabled = !now.undo;
      redo.disabled = !now.redo;
    },
  });
}

export default { render };
