// Pipelines by statuses: every count is a button; arrows move between them, so that Tab passes the table in one step.

const number = (n) => n.toLocaleString("en-US");

function render({ model, el: root }) {
  root.classList.add("bnb", "bnb-status-table");
  keepTyping(root);
  const said = el("div", { class: "bnb-said", role: "status" });
  const body = el("div", { class: "bnb-scroll" });
  root.append(said, body);
  let at = [0, 0];
  let picked = null;

  const cells = () => [...body.querySelectorAll("tbody tr, tfoot tr")].map((tr) => [...tr.querySelectorAll("button")]);
  const rove = () => {
    const grid = cells();
    if (!grid.length) return null;
    at = [Math.min(at[0], grid.length - 1), at[1]];
    at[1] = Math.min(at[1], grid[at[0]].length - 1);
    grid.flat().forEach((button) => { button.tabIndex = -1; });
    const button = grid[at[0]][Math.max(at[1], 0)];
    if (button) button.tabIndex = 0;
    return button;
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

  const pick = (pipeline, status) => () => model.send({ type: "pick", pipeline, status });
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
    const picture = svg("svg", { viewBox: "0 0 90 18", width: 90, height: 18, role: "img", "aria-label": spark.said });
    const title = svg("title", {});
    title.textContent = spark.said;
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

  return converse(model, {
    busy: ({ busy }) => root.classList.toggle("bnb-busy", busy),
    picked: (message) => { picked = message.picked; mark(); },
    draw(now) {
      const focused = body.contains(document.activeElement);
      said.textContent = now.said;
      root.classList.toggle("bnb-busy", now.busy);
      body.style.maxHeight = `${now.height}px`;
      body.hidden = !now.rows.length;
      const most = Math.max(...now.rows.map((one) => one.counts[0] ?? 0), 1);
      const head = ["pipeline", ...now.columns].map((name) => {
        const chip = el("span", { class: now.colours[name] ? "bnb-chip" : null, text: name });
        if (now.colours[name]) chip.style.setProperty("--bnb-chip", now.colours[name]);
        return el("th", { scope: "col" }, chip);
      });
      now.lines = now.rows.some((one) => one.spark);
      if (now.lines) head.push(el("th", { scope: "col", class: "bnb-line-cell", text: "queued, a day" }));
      const table = el("table", { "aria-label": "Works by pipeline and status" },
        el("thead", {}, el("tr", {}, ...head, el("th", { scope: "col" }, el("span", { class: "bnb-hidden", text: "share" })))),
        el("tbody", {}, ...now.rows.map((one) => row(one, now, most))));
      if (now.rows.length > 1) {
        table.append(el("tfoot", {}, row({ pipeline: null, label: "all pipelines", counts: now.totals, problem: "" }, now, now.totals[0])));
      }
      body.replaceChildren(table);
      picked = now.picked;
      mark();
      const button = rove();
      if (focused) button?.focus();
    },
  });
}

export default { render };
