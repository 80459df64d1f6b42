const WORDS = { error: "Error", warning: "Note", info: "Note", done: "Done" };

function messageRow(model, message, place) {
  const row = el("div", { class: `bnb-message bnb-${message.kind}` });
  const text = el("div", { class: "bnb-message-text" },
    el("strong", { text: `${WORDS[message.kind]}: ` }), el("span", { text: message.text }));
  if (message.advice) text.append(el("div", { class: "bnb-advice", text: message.advice }));
  if (message.details) {
    text.append(el("details", {}, el("summary", { text: "Details" }),
      copyButton("Copy details", "Copy the details of this message", () => message.details),
      el("pre", { text: message.details, tabindex: "0" })));
  }
  row.append(text, el("button", {
    type: "button", class: "bnb-button bnb-quiet", "aria-label": `Dismiss: ${message.text}`, title: "Dismiss",
    text: "✕", onclick: () => model.send({ type: "dismiss", place }),
  }));
  return row;
}

function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-messages");
  root.setAttribute("role", "status");
  keepTyping(root);
  return converse(model, {
    messages: ({ messages }) => root.replaceChildren(...messages.map((one, i) => messageRow(model, one, i))),
  });
}

export default { render };
