// While the kernel answers, the plain form of the panel (the next output of the cell) stays hidden.
function render({ model, el: root }) {
  root.hidden = true;
  const style = el("style");
  const stop = converse(model, {
    alive: () => {
      const mark = `.${model.get("mark")}`;
      style.textContent = `${mark}, .jp-OutputArea-child:has(${mark}) { display: none; }`;
      document.head.append(style);
    },
  });
  return () => { stop(); style.remove(); };
}

export default { render };
