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

const number = (n) => n.toLocaleString("en-US");

function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", class: "bnb-button", text, onclick, ...attributes });
}

// Moments, in UTC or in the reader's own zone; the day is said unless it is today.
function clock(epoch, zone) {
  const timeZone = zone === "UTC" ? "UTC" : undefined;
  const day = (date) => date.toLocaleDateString("en-GB", { timeZone, weekday: "short", day: "numeric", month: "short", year: "numeric" });
  const at = new Date(1000 * epoch);
  const today = new Date();
  const time = at.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  const said = day(at) === day(today) ? time : `${day(at).replace(` ${today.getFullYear()}`, "")} ${time}`;
  return `${said}${zone === "UTC" ? " UTC" : ""}`;
}

function ago(epoch) {
  const seconds = Math.max(0, Date.now() / 1000 - epoch);
  if (seconds < 60) return "just now";
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return "";
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

const LIST_HEIGHT = 200; // pixels at most of a list in a question or receipt

// Keys that a part handles must not reach the notebook, where arrows move between cells.
function keep(event) {
  event.preventDefault();
  event.stopPropagation();
}

// A list that is too long for its place scrolls, and ends with a whole row.
function wholeRows(box, most) {
  const fit = () => {
    const top = box.getBoundingClientRect().top + box.clientTop - box.scrollTop;
    const ends = [...box.querySelectorAll("tr, p")].map((row) => row.getBoundingClientRect().bottom - top);
    const last = ends.at(-1) <= most ? ends.at(-1) : Math.max(...ends.filter((end) => end <= most));
    const bar = box.offsetHeight - box.clientHeight;
    box.style.maxHeight = last > 0 ? `${Math.ceil(last) + bar}px` : `${most}px`;
  };
  box.fitting?.disconnect();
  box.fitting = new ResizeObserver(fit);
  for (const one of [box, ...box.children]) box.fitting.observe(one); // a scroll bar changes the box alone
  return box;
}

// A table under a title that folds it.
function foldedTable({ title, headers, rows, more, open }) {
  const line = (tag, cells) => el("tr", {}, ...cells.map((cell) => el(tag, { text: cell, scope: tag === "th" ? "col" : null })));
  return el("details", { open, "data-key": `fold-${title}` }, el("summary", { text: title }),
    wholeRows(el("div", { class: "bnb-list", tabindex: "0", role: "group", "aria-label": title }, el("table", {}, el("thead", {}, line("th", headers)), el("tbody", {}, ...rows.map((row) => line("td", row)))),
      more ? el("p", { class: "bnb-muted", text: more }) : ""), LIST_HEIGHT));
}
