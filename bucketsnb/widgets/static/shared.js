// What every part of the page shares. Text from the service reaches the page by textContent and setAttribute alone.

// Make an element: attributes by name, `text` for its text, `onclick` and the like for listeners; false leaves one out.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// Spell out control characters and those that turn text around, as the kernel does for what it draws.
const printable = (text) => text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (sign) => `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`);

// Listen to the kernel's messages by type, and say hello; the answer ends both.
function converse(model, handlers) {
  const listen = (message) => handlers[message.type]?.(message);
  model.on("msg:custom", listen);
  model.send({ type: "hello" });
  return () => model.off("msg:custom", listen);
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Pages that are not served over HTTPS or from this machine have no clipboard of their own.
    const area = el("textarea", { style: "position: fixed; opacity: 0" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

// A button that copies; what it did is read out by screen readers, as its text changes.
function copyButton(label, name, textOf) {
  const button = el("button", { type: "button", class: "bnb-button bnb-quiet", "aria-label": name, text: label });
  button.addEventListener("click", async () => {
    const copied = await copyText(textOf());
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

// Keys that a part handles must not reach the notebook, where arrows move between cells.
function keep(event) {
  event.preventDefault();
  event.stopPropagation();
}

// The notebook's own shortcuts (B, D D, ...) stay away while one types in a field of ours.
function keepTyping(root) {
  root.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea, select, button, [tabindex]")
        && !event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}
