// One page: it mounts the parts that the kernel names, keeps their keys from the notebook, and says when the kernel is gone.

const PARTS = { status: statusPart, filters: filtersPart, actions: actionsPart, box: boxPart, form: formPart, journal: journalPart, grid: gridPart };
const ZONE = "bucketsnb-zone";
const PATIENCE = 8000; // milliseconds without an answer after which that is said
const LONGEST_PRESS = 1500; // milliseconds for which a press holds back what is new
const GONE = "The kernel is gone, so nothing here works any more. Run this cell again.";
const SILENT = "The kernel does not answer. It may be busy with another cell: this page comes back when it has ended. If it does not, run this cell again.";

function storedZone() {
  try { return localStorage.getItem(ZONE) === "local" ? "local" : "UTC"; } catch { return "UTC"; }
}

function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-page");
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", model.get("label"));
  const view = Math.random().toString(36).slice(2);
  // Every message is answered by at least a word: one that is not tells that nobody is there.
  const send = (name, type, content = {}) => {
    try {
      model.send({ part: name, type, ...content });
    } catch {
      ended = true; // its connection is closed
      setDead(GONE);
      return;
    }
    silence ??= setTimeout(() => setDead(gone() ? GONE : SILENT), PATIENCE);
  };
  const page = {
    root, view, zone: storedZone(), zoned: new Set(), ends: new Set(), tools: null, acted: false, opening: null,
    setZone(zone) {
      page.zone = zone;
      try { localStorage.setItem(ZONE, zone); } catch { /* then it is for this page only */ }
      for (const draw of page.zoned) draw();
    },
  };

  // Keys belong to the control that has the focus: the notebook has shortcuts of one letter that delete cells.
  root.addEventListener("keydown", (event) => {
    if ((!event.ctrlKey && !event.metaKey) || event.key === "Enter") event.stopPropagation();
  });
  // Whoever acts here last is who is answered: another view of the same panel leaves the focus alone.
  root.addEventListener("pointerdown", () => { page.acted = true; });
  root.addEventListener("keydown", () => { page.acted = true; }, true);
  const leave = (event) => { if (!root.contains(event.target)) page.acted = false; };
  document.addEventListener("pointerdown", leave, true);
  const moved = () => { page.opening = null; };
  document.addEventListener("focusin", moved);

  const dead = el("div", { class: "bnb-dead", role: "alert", hidden: true });
  root.append(dead);
  const mounted = new Map();
  const mount = (name, kind) => {
    const section = el("section", { class: "bnb-part", "data-part": name });
    const part = { name, page, send: (type, content) => send(name, type, content) };
    mounted.set(name, { section, handlers: PARTS[kind](part, section) });
    send(name, "hello");
  };
  const sync = () => {
    let before = dead;
    for (const [name, kind, shown] of model.get("parts")) {
      if (!mounted.has(name)) mount(name, kind);
      const { section } = mounted.get(name);
      if (before.nextSibling !== section) before.after(section);
      section.hidden = !shown;
      if (shown) mounted.get(name).handlers.begin?.();
      before = section;
    }
  };
  const listen = (message) => {
    if (message.type === "alive" && !message.part) alive();
    else if (held) held.push(message);
    else mounted.get(message.part)?.handlers[message.type]?.(message);
  };

  // While a control is pressed nothing is drawn: what moved or replaced it would take the click away.
  const PRESSED = "button, summary, a, input, label, tr[data-row]";
  let held = null;
  let holding = null;
  const hold = () => {
    held ??= [];
    clearTimeout(holding);
    holding = setTimeout(release, LONGEST_PRESS);
  };
  const release = () => {
    clearTimeout(holding);
    const messages = held ?? [];
    held = null;
    messages.forEach(listen);
  };
  const after = () => { if (held) { clearTimeout(holding); holding = setTimeout(release, 0); } }; // the click comes first
  root.addEventListener("pointerdown", (event) => { if (event.target.closest(PRESSED)) hold(); }, true);
  root.addEventListener("keydown", (event) => { if (event.key === " " && event.target.matches("button")) hold(); }, true);
  for (const end of ["pointerup", "pointercancel", "keyup"]) document.addEventListener(end, after, true);

  // While the kernel answers, the plain form of the panel (the next output of the cell) stays hidden.
  const style = el("style");
  const alive = () => {
    clearTimeout(silence);
    silence = null;
    setDead("");
    if (style.isConnected) return;
    const mark = `.${model.get("mark")}`;
    style.textContent = `${mark}, .jp-OutputArea-child:has(${mark}) { display: none; }`;
    document.head.append(style);
  };
  const setDead = (text) => {
    if (dead.textContent === text) return;
    dead.textContent = text;
    dead.hidden = !text;
    for (const { section } of mounted.values()) section.inert = Boolean(text);
    root.classList.toggle("bnb-gone", Boolean(text));
  };
  let silence = null;
  let ended = false;

  // The widget manager of a notebook knows its kernel; where there is none, silence has to tell.
  const first = model.widget_manager?.kernel;
  const restarted = (_, status) => { ended ||= ["restarting", "autorestarting"].includes(status); };
  first?.statusChanged?.connect(restarted);
  const gone = () => {
    const now = model.widget_manager?.kernel;
    ended ||= Boolean(first) && (now !== first || first.isDisposed || first.status === "dead");
    return ended;
  };
  const watch = setInterval(() => { if (gone()) setDead(GONE); }, 1000);

  model.on("msg:custom", listen);
  model.on("change:parts", sync);
  sync();
  send("", "hello");
  return () => {
    clearTimeout(silence);
    clearInterval(watch);
    first?.statusChanged?.disconnect(restarted);
    style.remove();
    document.removeEventListener("pointerdown", leave, true);
    document.removeEventListener("focusin", moved);
    for (const end of ["pointerup", "pointercancel", "keyup"]) document.removeEventListener(end, after, true);
    clearTimeout(holding);
    for (const end of page.ends) end();
    model.off("msg:custom", listen);
    model.off("change:parts", sync);
  };
}

export default { render };
