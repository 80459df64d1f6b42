// The time until the service takes a claimed work for lost, counted here so that the kernel need not.
function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-countdown");
  const text = el("span");
  root.append(text);
  let at = null;
  const draw = () => {
    const left = Math.round(at - Date.now() / 1000);
    const part = (n) => String(n).padStart(2, "0");
    text.textContent = at === null ? "" : left <= 0
      ? "Its time has run out: the service may give it to someone else."
      : `Time left: ${Math.floor(left / 3600)}:${part(Math.floor(left / 60) % 60)}:${part(left % 60)}`;
  };
  const timer = setInterval(draw, 1000);
  const stop = converse(model, { until: (message) => { at = message.at; draw(); } });
  return () => { clearInterval(timer); stop(); };
}

export default { render };
