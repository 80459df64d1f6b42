// Ticks go out one at a time, and only while the switch is on and somebody can see it.
function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-ticker");
  const box = el("input", { type: "checkbox" });
  const note = el("span", { class: "bnb-muted" });
  const seen = () => document.visibilityState === "visible" && root.isConnected && root.offsetParent !== null;
  let timer = null;

  const wait = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(tick, 1000 * seconds);
  };
  const tick = () => {
    if (!model.get("on")) return;
    if (!seen()) return wait(1);
    model.send({ type: "tick" });
    wait(Math.max(300, 5 * model.get("interval"))); // an answer that got lost: the page may have slept meanwhile
  };
  const draw = () => {
    box.checked = model.get("on");
    note.textContent = box.checked ? `every ${model.get("interval")} s` : "";
    if (box.checked) wait(0); else clearTimeout(timer);
  };
  box.addEventListener("change", () => {
    model.set("on", box.checked);
    model.save_changes();
  });
  root.append(el("label", {}, box, ` ${model.get("label")} `), note);
  model.on("change:on", draw);
  const stop = converse(model, {
    next: ({ seconds, failures }) => {
      if (!model.get("on")) return;
      wait(seconds);
      note.textContent = failures ? `failing: next try in ${Math.round(seconds)} s` : `every ${model.get("interval")} s`;
    },
  });
  draw();
  return () => { clearTimeout(timer); stop(); };
}

export default { render };
