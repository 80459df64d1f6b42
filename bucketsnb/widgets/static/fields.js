// Fields of a form: each is made once and then brought up to date, so that focus and caret stay where they are.

let fieldNumber = 0;

function shell(spec, control, labelled = true) {
  const id = `bnb-field-${(fieldNumber += 1)}-${Math.random().toString(36).slice(2, 7)}`;
  const problem = el("div", { class: "bnb-problem", id: `${id}-problem`, role: "alert" });
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-problem`);
  const label = el("label", { class: "bnb-label", id: `${id}-label`, text: spec.label });
  if (labelled) label.setAttribute("for", id);
  const node = el("div", { class: `bnb-field bnb-field-${spec.kind}`, "data-field": spec.name }, label);
  return {
    node, problem, id,
    mark(text) {
      problem.textContent = text;
      node.classList.toggle("bnb-wrong", Boolean(text));
      control.setAttribute("aria-invalid", String(Boolean(text)));
    },
  };
}

function textField(spec, edit) {
  const input = spec.kind === "area"
    ? el("textarea", { rows: spec.rows ?? 6, spellcheck: "false" })
    : el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  input.placeholder = spec.hint;
  const { node, problem, mark, id } = shell(spec, input);
  const list = el("datalist", { id: `${id}-offers` });
  if (spec.offers?.length) input.setAttribute("list", list.id);
  node.append(input, list, problem);
  let timer = null;
  let sent = null;
  const send = () => {
    clearTimeout(timer);
    timer = null;
    if (input.value !== sent) edit(spec.name, (sent = input.value));
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(send, 300); });
  input.addEventListener("change", send);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter" && spec.kind !== "area") send(); });
  return {
    node,
    update(now) {
      mark(now.problem);
      input.placeholder = now.hint;
      if (now.offers?.length && !list.children.length) {
        input.setAttribute("list", list.id);
        list.replaceChildren(...now.offers.map((offer) => el("option", { value: offer })));
      }
      if (timer !== null) return; // still typing
      sent = now.value;
      if (input.value !== now.value) input.value = now.value;
    },
  };
}

function flagField(spec, edit) {
  const box = el("input", { type: "checkbox" });
  const { node, problem, mark } = shell(spec, box);
  node.prepend(box);
  node.append(problem);
  box.addEventListener("change", () => edit(spec.name, box.checked));
  return { node, update(now) { box.checked = now.value; mark(now.problem); } };
}

function togglesField(spec, edit, colours = {}) {
  const group = el("div", { class: "bnb-toggles", role: "group" });
  const { node, problem, mark, id } = shell(spec, group, false);
  group.setAttribute("aria-labelledby", `${id}-label`);
  let chosen = new Set();
  const buttons = spec.choices.map((choice) => {
    const button = el("button", { type: "button", class: "bnb-toggle bnb-chip", "aria-pressed": "false", text: choice });
    button.style.setProperty("--bnb-chip", colours[choice] ?? "#999");
    button.addEventListener("click", () => {
      if (!chosen.delete(choice)) chosen.add(choice);
      edit(spec.name, spec.choices.filter((one) => chosen.has(one)));
    });
    return button;
  });
  group.append(...buttons);
  node.append(group, problem);
  return {
    node,
    update(now) {
      chosen = new Set(now.value);
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(chosen.has(spec.choices[i]))));
      mark(now.problem);
      group.removeAttribute("aria-invalid");
    },
  };
}

// Several texts: each a token with a button to remove it; Enter, a comma or leaving the field adds what was typed.
function tokensField(spec, edit) {
  const input = el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const { node, problem, mark, id } = shell(spec, input);
  const list = el("datalist", { id: `${id}-offers` });
  input.setAttribute("list", list.id);
  const box = el("div", { class: "bnb-tokens" }, input, list);
  node.append(box, problem);
  let tokens = [];
  let offers = "";
  const set = (next) => edit(spec.name, next);
  const add = () => {
    const typed = input.value.split(/[,\n]/).map((text) => text.trim()).filter((text) => text && !tokens.includes(text));
    input.value = "";
    if (typed.length) set([...tokens, ...typed]);
  };
  box.addEventListener("click", (event) => { if (event.target === box) input.focus(); });
  input.addEventListener("change", add);
  input.addEventListener("input", (event) => {
    // A choice from the list arrives as input without a key; a comma ends a token.
    if (input.value.includes(",") || (!event.inputType && list.querySelector(`option[value="${CSS.escape(input.value)}"]`))) add();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && input.value.trim()) { keep(event); add(); }
    else if (event.key === "Backspace" && !input.value && tokens.length) { keep(event); set(tokens.slice(0, -1)); }
  });
  return {
    node,
    update(now) {
      mark(now.problem);
      if (now.value.join("\n") !== tokens.join("\n") || !box.querySelector(".bnb-token") !== !now.value.length) {
        tokens = [...now.value];
        box.querySelectorAll(".bnb-token").forEach((old) => old.remove());
        input.before(...tokens.map((token, place) => el("span", { class: "bnb-token", title: printable(token) },
          el("span", { text: printable(token) }),
          el("button", { type: "button", "aria-label": `Remove ${printable(token)} from ${spec.label}`, text: "×",
            onclick: () => { input.focus(); set(tokens.filter((_, i) => i !== place)); } }))));
      }
      input.placeholder = tokens.length ? "" : spec.hint;
      if (offers !== now.offers.join("\n")) {
        offers = now.offers.join("\n");
        list.replaceChildren(...now.offers.map((offer) => el("option", { value: offer })));
      }
    },
  };
}

function numberField(spec, edit) {
  const input = el("input", { type: "number", min: spec.least, max: spec.most, step: "1" });
  const { node, problem, mark } = shell(spec, input);
  node.append(input, problem);
  input.addEventListener("change", () => { if (input.value && input.checkValidity()) edit(spec.name, Number(input.value)); else input.value = input.defaultValue; });
  return { node, update(now) { input.value = now.value; input.defaultValue = now.value; mark(now.problem); } };
}

function choiceField(spec, edit) {
  const select = el("select");
  const { node, problem, mark } = shell(spec, select);
  select.append(...spec.choices.map(([value, text]) => el("option", { value, text })));
  node.append(select, problem);
  select.addEventListener("change", () => edit(spec.name, select.value));
  return { node, update(now) { select.value = now.value; mark(now.problem); } };
}

const KINDS = { tokens: tokensField, toggles: togglesField, text: textField, area: textField, flag: flagField, choice: choiceField, number: numberField };

// A set of fields in a grid; `update` takes the specs that came with the last message.
function fieldSet(edit) {
  const node = el("div", { class: "bnb-fields" });
  const made = new Map();
  return {
    node,
    update(specs, colours) {
      const names = new Set(specs.map((spec) => spec.name));
      for (const [name, field] of made) field.node.hidden = !names.has(name);
      for (const spec of specs) {
        if (!made.has(spec.name)) {
          const field = KINDS[spec.kind](spec, edit, colours);
          made.set(spec.name, field);
          node.append(field.node);
        }
        made.get(spec.name).update(spec);
      }
    },
  };
}
