// The one place for question, progress, receipt, refusal and messages. What is new in it comes into view with the focus.

const MESSAGE_WORDS = { error: "Error", warning: "Note", info: "Note", done: "Done" };

function boxPart(part, root) {
  root.classList.add("bnb-box");
  root.setAttribute("tabindex", "-1");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Question and result");
  const { page } = part;
  let typed = "";
  let word = null;
  let expiry = null;
  // The second click of a double click would meet what the first one brought.
  const act = (type, content = {}) => (event) => {
    if (event?.detail > 1) return;
    page.acted = true;
    part.send(type, content);
  };
  page.ends.add(() => clearTimeout(expiry));

  const message = ({ key, kind, text, advice, details }) => el("div", { class: `bnb-message bnb-${kind}`, role: kind === "error" ? "alert" : "status" },
    el("div", { class: "bnb-grow" },
      el("strong", { text: `${MESSAGE_WORDS[kind]}: ` }), el("span", { text }),
      advice ? el("div", { class: "bnb-muted", text: advice }) : "",
      details ? el("details", { "data-key": `message-${key}` }, el("summary", { text: "Details" }),
        copyButton("Copy details", "Copy the details of this message", () => details), el("pre", { text: details, tabindex: "0" })) : ""),
    button("✕", act("dismiss_message", { key }), { class: "bnb-button bnb-quiet", "aria-label": `Dismiss: ${text}`, title: "Dismiss" }));

  const working = ({ text, done, total }) => {
    const bar = total ? el("progress", { value: done, max: total, "aria-label": "Progress" }) : "";
    return el("div", { class: "bnb-row bnb-working" }, bar, el("span", { class: "bnb-grow", role: "status", text }), button("Stop", act("stop"), { "data-key": "stop" }));
  };

  const refused = ({ text, remedies }) => el("div", { class: "bnb-refusal", role: "alert" }, el("p", { class: "bnb-title", text }),
    el("div", { class: "bnb-row" }, button("Cancel", act("cancel"), { "data-key": "cancel" }),
      ...remedies.map(({ name, label }, place) => button(label, act("remedy", { name }), { class: `bnb-button${place ? "" : " bnb-primary"}`, "data-key": `remedy-${name}` }))));

  const options = (found) => {
    const names = Object.keys(found);
    if (!names.length) return "";
    const change = (name, value) => { page.acted = true; part.send("option", { name, value }); };
    const made = {
      reason: () => el("label", { class: "bnb-grow" }, "Reason ", el("input", { type: "text", class: "bnb-input", "data-key": "reason", placeholder: "kept in the journal",
        value: found.reason, onchange: (event) => change("reason", event.target.value) })),
      max_affected: () => el("label", {}, "Refuse if more than ", el("input", { type: "number", class: "bnb-input bnb-short", min: "1", "data-key": "most", value: found.max_affected,
        onchange: (event) => { if (event.target.value && event.target.checkValidity()) change("max_affected", Number(event.target.value)); } })),
      allow_running: () => el("label", {}, el("input", { type: "checkbox", "data-key": "running", checked: found.allow_running, onchange: (event) => change("allow_running", event.target.checked) }), " Include running works"),
      reset: () => el("label", {}, el("input", { type: "checkbox", "data-key": "reset", checked: found.reset, onchange: (event) => change("reset", event.target.checked) }), " Reset attempts to 0"),
    };
    return el("details", { "data-key": "options" }, el("summary", { text: "options" }), el("div", { class: "bnb-row bnb-options" }, ...names.map((name) => made[name]())));
  };

  // A line breaks between facts, and within one only where it is longer than a line.
  const factsOf = (facts, tag) => el(tag, { class: "bnb-facts" }, ...facts.flatMap((text, place) => [place ? " · " : "", el("span", { class: "bnb-fact", text })]));

  const question = (now) => {
    if (now.word !== word) { typed = ""; word = now.word; }
    const yes = button(now.title, () => {}, { class: `bnb-button ${now.danger ? "bnb-danger" : "bnb-primary"}`, "data-key": "yes" });
    const right = () => now.word === null || typed.replace(/[,\s]/g, "") === now.word;
    yes.addEventListener("click", (event) => { if (right()) act("confirm", { typed })(event); });
    yes.disabled = !now.asks || !right();
    const field = el("input", { type: "text", class: "bnb-input bnb-short", autocomplete: "off", "data-key": "typed", value: typed });
    field.addEventListener("input", () => { typed = field.value; yes.disabled = !now.asks || !right(); });
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") { keep(event); if (!yes.disabled) { page.acted = true; part.send("confirm", { typed }); } } });
    const until = el("span", { class: "bnb-muted" });
    const buttons = el("div", { class: "bnb-row" }, button(now.asks ? "Cancel" : "Close", act("cancel"), { "data-key": "cancel" }));
    if (now.asks) {
      if (now.word !== null) buttons.append(el("label", {}, `Type ${now.word} `, field));
      buttons.append(yes, until);
      if (now.expires_in !== null) {
        const expire = () => {
          yes.disabled = true;
          now.asks = false;
          until.replaceChildren("This question has been open for too long. ", button("Ask again", act("again"), { "data-key": "again" }));
        };
        until.textContent = `confirm before ${clock(Date.now() / 1000 + now.expires_in, page.zone)}`;
        expiry = setTimeout(expire, Math.max(0, 1000 * now.expires_in));
      }
    }
    return el("div", { class: "bnb-question", role: "alertdialog", "aria-label": now.title },
      el("p", { class: "bnb-title", text: now.asks ? `${now.title}?` : now.title }),
      now.facts.length ? factsOf(now.facts, "p") : "",
      now.warnings.length ? el("ul", { class: "bnb-warnings" }, ...now.warnings.map((text) => el("li", { text }))) : "",
      el("div", { class: "bnb-folds" }, now.list.rows.length ? foldedTable(now.list) : "", options(now.options)),
      buttons);
  };

  const receipt = (now) => {
    const undo = now.undo ? button("Undo", act("undo"), { "data-key": "undo", title: "Put the works back as they were" }) : "";
    const resume = now.resume ? button(now.resume, act("resume"), { class: "bnb-button bnb-primary", "data-key": "resume" }) : "";
    const earlier = now.earlier ? el("span", { class: "bnb-muted", text: "Earlier:" }) : ""; // than what is said above it
    return el("div", { class: `bnb-receipt ${now.ok ? "bnb-ok" : "bnb-not-ok"}` },
      el("div", { class: "bnb-grow" }, el("div", { class: "bnb-row" }, earlier,
        el("strong", { class: "bnb-title", role: "status", tabindex: "-1", "data-key": "receipt", text: `${now.title} at ${clock(now.at, page.zone)}`, title: now.asked }),
        now.facts.length ? factsOf(now.facts, "span") : "",
        undo, resume),
      now.warnings.length ? el("ul", { class: "bnb-warnings" }, ...now.warnings.map((text) => el("li", { text }))) : "",
      now.list.rows.length ? foldedTable(now.list) : ""),
      button("✕", act("dismiss"), { class: "bnb-button bnb-quiet", "data-key": "dismiss", "aria-label": "Dismiss this receipt", title: "Dismiss" }));
  };

  const notice = (text) => el("div", { class: "bnb-row bnb-news" }, el("span", { class: "bnb-grow", role: "status", tabindex: "-1", "data-key": "notice", text }),
    button("✕", act("dismiss"), { class: "bnb-button bnb-quiet", "aria-label": "Dismiss", title: "Dismiss" }));

  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.querySelector(".bnb-question, .bnb-refusal")) return;
    keep(event);
    act("cancel")();
  });

  const FIRST = ["typed", "cancel", "stop", "receipt", "notice"]; // never the dangerous side
  const inView = () => {
    const box = root.getBoundingClientRect();
    const seen = (y) => root.contains(document.elementFromPoint(box.left + box.width / 2, y)); // not below a bar of the notebook's
    return seen(box.top + 3) && seen(box.bottom - 3);
  };
  const bring = () => {
    const first = FIRST.map((key) => root.querySelector(`[data-key="${key}"]`)).find(Boolean) ?? root;
    first.focus({ preventScroll: true });
    const look = () => { if (root.contains(document.activeElement) && !inView()) root.scrollIntoView({ block: "nearest" }); };
    requestAnimationFrame(() => requestAnimationFrame(look));
    for (const later of [60, 250, 700]) setTimeout(look, later); // the notebook settles its own layout meanwhile
  };

  return {
    draw(now) {
      clearTimeout(expiry);
      const within = root.contains(document.activeElement);
      const focused = within ? document.activeElement.dataset.key : null;
      const caret = focused && document.activeElement.selectionStart;
      const open = new Set([...root.querySelectorAll("details[open]")].map((one) => one.dataset.key));
      if (within) root.focus({ preventScroll: true }); // else it falls to the body while the parts are exchanged
      root.replaceChildren(...now.messages.map(message), ...(now.notice ? [notice(now.notice)] : []), ...(now.refusal ? [refused(now.refusal)] : []),
        ...(now.question ? [question(now.question)] : []), ...(now.working ? [working(now.working)] : []), ...(now.receipt && !now.question && !now.working && !now.refusal ? [receipt(now.receipt)] : []));
      if (!now.question) { typed = ""; word = null; }
      for (const one of root.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
      const own = within || page.root.contains(document.activeElement) || document.activeElement === document.body || document.activeElement?.closest?.(".jp-Notebook")?.contains(page.root);
      if (now.focus && page.acted && own) bring();
      else if (within) {
        const again = (focused && root.querySelector(`[data-key="${focused}"]`)) || FIRST.map((key) => root.querySelector(`[data-key="${key}"]`)).find(Boolean) || root;
        again.focus({ preventScroll: true });
        try { if (caret !== null && again.setSelectionRange) again.setSelectionRange(caret, caret); } catch { /* numbers have no caret */ }
      }
    },
  };
}
