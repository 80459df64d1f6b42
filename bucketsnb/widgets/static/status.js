// Pipelines by statuses: every count is a button; arrows move between them, so that Tab passes the table in one step.

const AUTO = [["", "Auto: off"], ["10", "every 10 s"], ["30", "every 30 s"], ["60", "every minute"], ["300", "every 5 min"]];

function statusPart(part, root) {
  root.classList.add("bnb-status-table");
  const said = el("strong", { class: "bnb-said", role: "status" });
  const read = el("span", { class: "bnb-muted bnb-read-at" });
  const failing = el("span", { class: "bnb-muted" });
  const zone = button("", () => part.page.setZone(part.page.zone === "UTC" ? "local" : "UTC"), { class: "bnb-button bnb-quiet bnb-zone" });
  const auto = el("select", { class: "bnb-input", "aria-label": "Auto-refresh" }, ...AUTO.map(([value, text]) => el("option", { value, text })));
  const refresh = button("Refresh", () => part.send("refresh"), { title: "Read the status and the works again" });
  const body = el("div", { class: "bnb-scroll" });
  const more = button("", () => { all = !all; draw(); }, { class: "bnb-button bnb-quiet bnb-more" });
  root.append(el("div", { class: "bnb-head" }, said, el("span", { class: "bnb-right" }, failing, more, read, zone, auto, refresh)), body);
  let at = [0, 0];
  let picked = null;
  let now = null;
  let all = false;
  let sort = { name: "failure", descending: true };
  let timer = null;
  let seconds = null;

  // Ticks go out one at a time, and only while the switch is on and somebody can see it.
  const seen = () => document.visibilityState === "visible" && root.isConnected && root.offsetParent !== null;
  const wait = (for_) => { clearTimeout(timer); timer = setTimeout(tick, 1000 * for_); };
  const tick = () => {
    if (seconds === null) return;
    if (!seen()) { wait(1); return; }
    part.send("tick");
    wait(Math.max(300, 5 * seconds)); // an answer that got lost: the page may have slept meanwhile
  };
  auto.addEventListener("change", () => part.send("auto", { seconds: auto.value ? Number(auto.value) : null }));

  const sayRead = () => { read.textContent = now?.read_at ? `read ${clock(now.read_at, part.page.zone)} (${ago(now.read_at)})` : ""; };
  const sayZone = () => {
    zone.textContent = part.page.zone === "UTC" ? "UTC" : "local time";
    zone.title = `Times are in ${part.page.zone === "UTC" ? "UTC: press for your own time zone" : "your own time zone: press for UTC"}`;
    sayRead();
  };
  part.page.zoned.add(sayZone);
  const clockTimer = setInterval(sayRead, 15000);
  part.page.ends.add(() => { clearInterval(clockTimer); clearTimeout(timer); });

  const cells = () => [...body.querySelectorAll("tr")].map((tr) => [...tr.querySelectorAll("button")]);
  const rove = () => {
    const grid = cells();
    if (!grid.length) return null;
    at = [Math.min(at[0], grid.length - 1), at[1]];
    at[1] = Math.min(at[1], grid[at[0]].length - 1);
    grid.flat().forEach((one) => { one.tabIndex = -1; });
    const one = grid[at[0]][Math.max(at[1], 0)];
    if (one) one.tabIndex = 0;
    return one;
  };
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (!step || !event.target.matches("button")) return;
    keep(event);
    at = [Math.max(at[0] + step[0], 0), Math.max(at[1] + step[1], 0)];
    rove()?.focus();
  });
  body.addEventListener("focusin", (event) => {
    cells().forEach((row, i) => { const j = row.indexOf(event.target); if (j >= 0) at = [i, j]; });
    rove();
  });

  const pick = (pipeline, status) => () => part.send("pick", { pipeline, status });
  const count = (n, pipeline, status, label) => el("button", {
    type: "button", class: n ? "bnb-n" : "bnb-n bnb-zero", "data-status": status,
    "aria-label": `${number(n)} ${status === "total" ? "works" : status} of ${label}: show them`, text: number(n), onclick: pick(pipeline, status),
  });
  const bar = (counts, most, columns, colours) => el("div", { class: "bnb-share", "aria-hidden": "true" },
    ...counts.slice(1).map((n, i) => {
      const part = el("span", { title: `${columns[i + 1]}: ${number(n)}` });
      part.style.width = `${(100 * n) / Math.max(most, 1)}%`;
      part.style.background = colours[columns[i + 1]];
      return n ? part : "";
    }));

  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const line = (spark) => {
    if (!spark) return "";
    const [[first], [last, end]] = [spark.points[0], spark.points.at(-1)];
    const high = Math.max(...spark.points.map(([, n]) => n), 1);
    const x = (t) => (2 + (84 * (t - first)) / Math.max(last - first, 1)).toFixed(1);
    const y = (n) => (16 - (14 * n) / high).toFixed(1);
    const picture = svg("svg", { viewBox: "0 0 90 18", width: 90, height: 18, role: "img", "aria-label": spark.text });
    const title = svg("title", {});
    title.textContent = spark.text;
    picture.append(title,
      svg("polyline", { points: spark.points.map(([t, n]) => `${x(t)},${y(n)}`).join(" "), fill: "none", stroke: "currentColor", "stroke-width": 1.2, "stroke-linejoin": "round" }),
      svg("circle", { cx: x(last), cy: y(end), r: 2, fill: "currentColor" }));
    return picture;
  };

  const row = ({ pipeline, label, counts, problem, spark }, now, most) => {
    const tr = el("tr", { "data-pipeline": pipeline ?? "", class: problem ? "bnb-failing" : null });
    tr.append(el("th", { scope: "row" }, el("button", { type: "button", class: "bnb-name", title: label, "aria-label": `${label}: show its works`, text: label, onclick: pick(pipeline, "total") })));
    if (problem) {
      tr.append(el("td", { colspan: now.columns.length + (now.lines ? 2 : 1), class: "bnb-why" }, el("strong", { text: "Not read: " }), el("span", { text: problem, title: problem })));
    } else {
      tr.append(...counts.map((n, i) => el("td", {}, count(n, pipeline, now.columns[i], label))));
      if (now.lines) tr.append(el("td", { class: "bnb-line-cell" }, line(spark)));
      tr.append(el("td", { class: "bnb-bar-cell" }, bar(counts, most, now.columns, now.colours)));
    }
    return tr;
  };

  const mark = () => {
    for (const old of body.querySelectorAll("[aria-current]")) old.removeAttribute("aria-current");
    if (!picked) return;
    const tr = [...body.querySelectorAll("tr[data-pipeline]")].find((one) => one.dataset.pipeline === (picked[0] ?? ""));
    const cell = [...(tr?.querySelectorAll("[data-status]") ?? [])].find((one) => one.dataset.status === picked[1]);
    cell?.setAttribute("aria-current", "true");
  };

  const ordered = () => {
    const place = now.columns.indexOf(sort.name);
    const value = (one) => (place < 0 ? one.label : one.counts[place] ?? -1);
    const compare = (a, b) => (place < 0 ? a.localeCompare(b) : a - b);
    const rows = [...now.rows].sort((a, b) => compare(value(a), value(b)) * (sort.descending ? -1 : 1) || (b.counts[1] ?? 0) - (a.counts[1] ?? 0));
    return [...rows.filter((one) => one.problem), ...rows.filter((one) => !one.problem)];
  };
  const head = (name) => {
    const order = sort.name !== name ? "none" : sort.descending ? "descending" : "ascending";
    const chip = el("span", { class: now.colours[name] ? "bnb-chip" : null, text: name });
    if (now.colours[name]) chip.style.setProperty("--bnb-chip", now.colours[name]);
    const press = () => {
      sort = { name, descending: sort.name === name ? !sort.descending : name !== "pipeline" };
      draw();
    };
    return el("th", { scope: "col", "aria-sort": order }, el("button", { type: "button", class: "bnb-sort", title: `Sort by ${name}`, onclick: press },
      chip, el("span", { class: "bnb-arrow", "aria-hidden": "true", text: ARROWS[order] })));
  };
  const draw = () => {
    const focused = body.contains(document.activeElement);
    said.textContent = now.summary;
    sayZone();
    body.hidden = !now.rows.length && !(now.busy && now.read_at === null); // what comes first has its place kept
    const rows = ordered();
    const shown = all ? rows : rows.slice(0, now.first);
    const most = Math.max(...rows.map((one) => one.counts[0] ?? 0), 1);
    now.lines = rows.some((one) => one.spark);
    const heads = ["pipeline", ...now.columns].map(head);
    if (now.lines) heads.push(el("th", { scope: "col", class: "bnb-line-cell", text: "queued, last day" }));
    more.textContent = all ? `Show the first ${now.first}` : `Show all ${rows.length}`;
    more.setAttribute("aria-expanded", String(all));
    const share = el("th", { scope: "col", class: "bnb-bar-cell" }, el("span", { text: "share" }));
    const table = el("table", { "aria-label": "Works by pipeline and status" }, el("thead", {}, el("tr", {}, ...heads, share)),
      el("tbody", {}, ...shown.map((one) => row(one, now, most))));
    if (rows.length > 1) {
      table.append(el("tfoot", {}, row({ pipeline: null, label: "all pipelines", counts: now.totals, problem: "" }, now, now.totals[0])));
    }
    body.replaceChildren(table);
    more.hidden = rows.length <= now.first;
    mark();
    const one = rove();
    if (focused) one?.focus({ preventScroll: true });
  };

  return {
    busy: ({ busy }) => {
      root.classList.toggle("bnb-busy", busy);
      refresh.textContent = busy ? "Reading …" : "Refresh";
    },
    picked: (message) => { picked = message.picked; mark(); },
    next: ({ seconds: next, interval, failures }) => {
      seconds = next;
      auto.value = next === null ? "" : String(interval);
      if (next !== null && auto.selectedIndex < 0) {
        auto.append(el("option", { value: String(interval), text: `every ${interval} s` }));
        auto.value = String(interval);
      }
      failing.textContent = next !== null && failures ? `failing: next try in ${Math.round(next)} s` : "";
      if (next === null) clearTimeout(timer); else wait(next);
    },
    draw(message) {
      now = message;
      picked = now.picked;
      root.classList.toggle("bnb-busy", now.busy);
      refresh.textContent = now.busy ? "Reading …" : "Refresh";
      draw();
    },
  };
}
