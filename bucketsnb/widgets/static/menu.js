// A button that opens a box under it; Escape, or the focus going elsewhere, closes it.
function menu(label, fill, { name = label, wide = false } = {}) {
  const summary = el("summary", { class: "bnb-button", text: label, "aria-label": name });
  const body = el("div", { class: `bnb-drop${wide ? " bnb-wide" : ""}` });
  const node = el("details", { class: "bnb-menu" }, summary, body);
  const outside = (event) => { if (!event.composedPath().includes(node)) node.open = false; };
  node.addEventListener("toggle", () => {
    document[node.open ? "addEventListener" : "removeEventListener"]("pointerdown", outside);
    if (node.open) { fill?.(body); place(node, body); }
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !node.open) return;
    keep(event);
    node.open = false;
    summary.focus();
  });
  node.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !node.contains(event.relatedTarget)) node.open = false;
  });
  return { node, body, summary, close() { node.open = false; } };
}

// Keep the box within the page it belongs to.
function place(node, body) {
  body.style.left = "0";
  const page = node.closest(".bnb-page").getBoundingClientRect();
  const over = body.getBoundingClientRect().right - page.right;
  if (over > 0) body.style.left = `${-Math.min(over, node.getBoundingClientRect().left - page.left)}px`;
}
