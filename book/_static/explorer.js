// The ticket explorer. Its page holds the records as JSON (replication/pages/explorer.py); Plotly draws.
// What is shown is in the address, behind #, so that a view can be linked and the back button works.
"use strict";

(() => {
  const root = document.getElementById("ticket_explorer");
  const source = document.getElementById("ticket_explorer-data");
  if (!root || !source) return;
  const STUDIES = JSON.parse(source.textContent);

  const START = { task: "SST-2", seed: "1337", view: "good" };
  const METHODS = { structured: "heads and MLPs", magnitude: "single weights" };
  const VIEWS = {
    search: "the search, step by step",
    good: "the good ticket",
    random: "the random ticket",
    bad: "the bad ticket",
    largest_removed: "the bad ticket (largest removed)",
    super: "super-survivors",
    in_between: "survivors in between",
    anti: "anti-survivors",
  };
  const PHASES = { both: "heads and MLPs", heads: "heads alone", mlps: "MLPs alone" };
  const BLUE = "#0072B2", ORANGE = "#E69F00", RED = "#D55E00";

  let state = {};
  const form = document.createElement("form");
  const charts = {};
  const controls = {};

  // What there is to choose from, given what is chosen to the left of it.
  const taskOf = () => STUDIES[state.study].tasks[state.task];
  const entry = () => taskOf()[state.seed];
  const found = () => entry()[state.method];
  const options = {
    study: () => Object.entries(STUDIES).map(([name, { words }]) => [name, words ?? name]),
    task: () => Object.keys(STUDIES[state.study].tasks).map((name) => [name, name]),
    seed: () => Object.keys(taskOf()).map((seed) => [seed, seed]),
    method: () => Object.keys(METHODS).filter((m) => entry()[m]).map((m) => [m, METHODS[m]]),
    view: () => ["search", ...Object.keys(found().tickets)].map((v) => [v, VIEWS[v]]),
    other: () => [["", "nothing"], ...others().map(([task, seed]) => [`${task}/${seed}`, `${task}, seed ${seed}`])],
  };

  /** Entries of the study that have the same kind of ticket, but for the one that is shown. */
  function others() {
    if (state.method !== "structured") return [];
    const kind = state.view === "search" ? "good" : state.view;
    return Object.entries(STUDIES[state.study].tasks).flatMap(([task, seeds]) =>
      Object.keys(seeds)
        .filter((seed) => !(task === state.task && seed === state.seed))
        .filter((seed) => seeds[seed].structured.tickets[kind])
        .map((seed) => [task, seed]));
  }

  /** The wanted view, with what does not exist replaced by the first that does. */
  function settle(wanted) {
    state = {};
    for (const name of Object.keys(options)) {
      state[name] = wanted[name];
      const values = options[name]().map(([value]) => value);
      if (!values.includes(state[name])) state[name] = values[0];
    }
    const { steps } = found();
    const step = Number.parseInt(wanted.step, 10);
    const good = steps.findLastIndex(({ passed }) => passed) + 1; // 0, the full model, if none did
    state.step = Number.isNaN(step) ? good : Math.min(Math.max(step, 0), steps.length);
  }

  function read() {
    return { ...START, ...Object.fromEntries(new URLSearchParams(location.hash.slice(1))) };
  }

  function write() {
    const shown = Object.entries(state).filter(([, value]) => value !== "");
    const address = `#${new URLSearchParams(shown)}`;
    if (address !== location.hash) history.replaceState(null, "", address);
  }

  // Masks: one row of booleans for each layer, its heads first and its MLP last.
  const ticketMask = (ticket) => ticket.kept.map((row) => [...row].map((bit) => bit === "1"));

  /** The mask a step tried, and what it removed from the last one that passed. */
  function trial(number) {
    const first = found().steps[0].importance;
    let kept = first.map((row) => row.map(() => true));
    let tried = kept, removed = [];
    for (const step of found().steps.slice(0, number)) {
      tried = kept.map((row) => [...row]);
      removed = [...step.heads, ...step.mlps.map((layer) => [layer, tried[layer].length - 1])];
      for (const [layer, place] of removed) tried[layer][place] = false;
      if (step.passed) kept = tried;
    }
    return { kept: tried, removed };
  }

  const column = (place, width) => (place === width - 1 ? "MLP" : `head ${place + 1}`);
  const count = (mask) => ({
    heads: mask.reduce((sum, row) => sum + row.slice(0, -1).filter(Boolean).length, 0),
    mlps: mask.filter((row) => row.at(-1)).length,
  });
  const scored = ({ pruned, retrained }) =>
    `${entry().metric} ${pruned.toFixed(3)} pruned, ${retrained.toFixed(3)} retrained; the full model's is ${entry().full.toFixed(3)}`;
  const capital = (text) => text[0].toUpperCase() + text.slice(1);
  const sized = ({ heads, mlps }) => `${heads} heads and ${mlps} ${mlps === 1 ? "MLP" : "MLPs"}`;

  /** What to draw: a value, a letter and a text for each head and MLP. */
  function grid() {
    if (state.method === "magnitude") {
      const kind = state.view === "search" ? "good" : state.view;
      const density = found().tickets[kind].density;
      return {
        values: density,
        signs: density.map((row) => row.map(() => "")),
        texts: density.map((row) => row.map((d) => `${(100 * d).toFixed(0)} % of its weights kept`)),
        told: `Weights kept of each head and MLP by ${VIEWS[kind]}: ${scored(found().tickets[kind])}.`,
        scale: "weights kept",
      };
    }
    const searching = state.view === "search";
    const steps = found().steps;
    const { kept, removed } = searching
      ? trial(state.step) : { kept: ticketMask(found().tickets[state.view]), removed: [] };
    if (state.other) return comparison(kept);
    // A step is shown by the scores it went by, a ticket by those of the full model.
    const importance = steps[searching ? Math.max(state.step - 1, 0) : 0].importance;
    const now = new Set(removed.map(String));
    const sign = (kept, place) => (kept ? "" : now.has(String(place)) ? "✕" : "·");
    const word = (kept, place) => (kept ? "kept" : now.has(String(place)) ? "removed in this step" : "removed");
    return {
      values: kept.map((row, layer) =>
        row.map((k, i) => (k || now.has(String([layer, i])) ? importance[layer][i] : null))),
      signs: kept.map((row, layer) => row.map((k, i) => sign(k, [layer, i]))),
      texts: kept.map((row, layer) => row.map((k, i) =>
        `importance ${importance[layer][i].toFixed(2)}, ${word(k, [layer, i])}`)),
      told: searching ? "" : `${VIEWS[state.view]} keeps ${sized(count(kept))}: ${scored(found().tickets[state.view])}.`,
      scale: "importance",
    };
  }

  /** A, which is shown, and B, which it is compared with: entries and tickets of the same kind. */
  function compared() {
    const kind = state.view === "search" ? "good" : state.view;
    return [[state.task, state.seed], state.other.split("/")].map(([task, seed], i) => {
      const entry = STUDIES[state.study].tasks[task][seed];
      return { name: `${"AB"[i]}: ${VIEWS[kind]} of ${task}, seed ${seed}`, kind, entry, ticket: entry.structured.tickets[kind] };
    });
  }

  function comparison(kept) {
    const [{ ticket: mineOf }, { name, ticket, entry: { metric: theirMetric } }] = compared();
    const theirs = ticketMask(ticket);
    const code = (a, b) => (a && b ? 3 : a ? 2 : b ? 1 : 0);
    const values = kept.map((row, l) => row.map((k, i) => code(k, theirs[l][i])));
    const words = ["kept by neither", "kept by the other only", "kept by this one only", "kept by both"];
    const n = (wanted) => values.reduce((sum, row) => sum + row.slice(0, -1).filter((v) => wanted.includes(v)).length, 0);
    const mine = n([2, 3]), other = n([1, 3]), both = n([3]);
    const all = values.length * (values[0].length - 1);
    const jaccard = mine + other - both ? both / (mine + other - both) : 0;
    return {
      values,
      signs: values.map((row) => row.map((v) => ["", "B", "A", "A B"][v])),
      texts: values.map((row) => row.map((v) => words[v])),
      told: `A, this one, keeps ${mine} heads, and ${name}, keeps ${other}. ` +
        `Both keep ${both}; two random masks of these sizes share ${((mine * other) / all).toFixed(1)} on average. ` +
        `Overlap (Jaccard index): ${jaccard.toFixed(2)}. Retrained, A scores ${mineOf.retrained.toFixed(3)} (${entry().metric}) and B ${ticket.retrained.toFixed(3)} (${theirMetric}).`,
      scale: null,
    };
  }

  // Colours of the page, light or dark.
  function ink() {
    const style = getComputedStyle(document.documentElement);
    const dark = document.documentElement.dataset.theme === "dark";
    return {
      text: style.getPropertyValue("--pst-color-text-base").trim() || "#222",
      ground: dark ? "#3a3f47" : "#d9dce1",
      line: dark ? "#6b727d" : "#b0b5bd",
    };
  }

  const layout = (more) => ({
    font: { color: ink().text, family: "inherit", size: 13 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { font: { size: 13 } },
    dragmode: false,
    showlegend: false,
    ...more,
  });
  const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };

  function drawGrid(shown) {
    const width = shown.values[0].length, layers = shown.values.length;
    const names = Array.from({ length: layers }, (_, i) => `${i + 1}`);
    const compared = shown.scale === null;
    const shades = compared
      ? [[0, ink().ground], [0.25, ink().ground], [0.25, ORANGE], [0.5, ORANGE],
        [0.5, "#56B4E9"], [0.75, "#56B4E9"], [0.75, BLUE], [1, BLUE]]
      : "Cividis";
    const part = (from, to, axis) => ({
      type: "heatmap",
      z: shown.values.map((row) => row.slice(from, to)),
      x: Array.from({ length: to - from }, (_, i) => (from ? "MLP" : `${i + 1}`)),
      y: names,
      text: shown.signs.map((row) => row.slice(from, to)),
      texttemplate: "%{text}",
      textfont: { size: compared ? 11 : 14 },
      customdata: shown.texts.map((row, layer) =>
        row.slice(from, to).map((text, i) => `layer ${layer + 1}, ${column(from + i, width)}: ${text}`)),
      hovertemplate: "%{customdata}<extra></extra>",
      hoverongaps: true,
      zmin: compared ? -0.5 : 0,
      zmax: compared ? 3.5 : 1,
      colorscale: shades,
      showscale: !from && !compared,
      colorbar: { title: { text: shown.scale, side: "right" }, thickness: 12, outlinewidth: 0, len: 1 },
      xgap: 2,
      ygap: 2,
      xaxis: axis,
    });
    Plotly.react(charts.grid, [part(0, width - 1, "x"), part(width - 1, width, "x2")], layout({
      height: 100 + 34 * layers,
      margin: { l: 48, r: 8, t: 8, b: 48 },
      plot_bgcolor: ink().ground,
      xaxis: { domain: [0, 0.9], title: { text: "head" }, type: "category", showgrid: false, zeroline: false, fixedrange: true },
      xaxis2: { domain: [0.92, 1], type: "category", showgrid: false, zeroline: false, fixedrange: true },
      yaxis: { title: { text: "layer" }, type: "category", showgrid: false, zeroline: false, fixedrange: true },
    }), CONFIG);
  }

  /** Scores by step, from the full model on, and the line below which a step fails. */
  function drawCurve() {
    const { full, majority, metric, threshold } = entry();
    const steps = found().steps;
    const scores = [full, ...steps.map((step) => step.score)];
    const passed = [true, ...steps.map((step) => step.passed)];
    const at = scores.map((_, i) => i);
    const text = at.map((i) => {
      if (!i) return `the full model: ${full.toFixed(3)}`;
      const step = steps[i - 1];
      const what = state.method === "structured"
        ? `${PHASES[step.phase]}: ${sized(count(trial(i).kept))}` : `${(100 * step.density).toFixed(0)} % of the weights`;
      return `step ${i}, ${what}: ${step.score.toFixed(3)}, ${step.passed ? "passed" : "failed"}`;
    });
    const line = (y, dash) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { dash, color: ink().text, width: 1 } });
    const lines = `dashed: ${Math.round(100 * threshold)} % of full${majority === null ? "" : "; dotted: most frequent answer"}`;
    const now = state.step;
    Plotly.react(charts.curve, [
      {
        x: at, y: scores, mode: "lines+markers", text, hovertemplate: "%{text}<extra></extra>",
        line: { color: ink().line, width: 1 },
        marker: { size: 9, color: passed.map((p) => (p ? BLUE : RED)), symbol: passed.map((p) => (p ? "circle" : "x")) },
      },
      {
        x: [now], y: [scores[now]], mode: "markers", hoverinfo: "skip",
        marker: { size: 18, symbol: "circle-open", color: ink().text, line: { width: 2 } },
      },
    ], layout({
      height: 260,
      margin: { l: 56, r: 8, t: 24, b: 44 },
      xaxis: { title: { text: "step of the search" }, showgrid: false, zeroline: false, fixedrange: true, range: [-0.5, steps.length + 0.5], rangemode: "tozero" },
      yaxis: { title: { text: metric }, gridcolor: ink().ground, zeroline: false, fixedrange: true },
      shapes: [line(threshold * full, "dash"), ...(majority === null ? [] : [line(majority, "dot")])],
      annotations: [{ xref: "paper", x: 0, xanchor: "left", yref: "paper", y: 1, yanchor: "bottom", text: lines, showarrow: false, font: { size: 12 } }],
    }), CONFIG);
    return text[now];
  }

  function drawTickets() {
    const left = found().steps.filter((step) => step.passed).at(-1)?.density ?? 1;
    const shown = state.other ? compared()
      : Object.entries(found().tickets).map(([kind, ticket]) => ({ name: VIEWS[kind], kind, ticket, entry: entry() }));
    const rows = shown.map(({ name, kind, ticket, entry: { full } }) => {
      const row = document.createElement("tr");
      if (kind === state.view && !state.other) row.setAttribute("aria-current", "true");
      const size = ticket.kept ? sized(count(ticketMask(ticket))) : `${(100 * left).toFixed(0)} % of the weights`;
      for (const text of [name, size, ...[ticket.pruned, ticket.retrained, full].map((score) => score.toFixed(3))]) {
        const cell = document.createElement(row.children.length ? "td" : "th");
        if (!row.children.length) cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    });
    charts.tickets.tBodies[0].replaceChildren(...rows);
    const metrics = [...new Set(shown.map(({ entry: { metric } }) => metric))].join(" (A) and ");
    charts.caption.textContent = state.other
      ? `The two tickets: ${metrics}${metrics === entry().metric ? "" : " (B)"}, one run each.`
      : `Tickets of ${state.task}, seed ${state.seed}: ${metrics}, one run each.`;
  }

  /** The grid once more as a table, for readers who see no colours or no pictures. */
  function drawTable(shown) {
    const width = shown.values[0].length;
    const cell = (tag, text, scope) => {
      const made = document.createElement(tag);
      made.textContent = text;
      if (scope) made.scope = scope;
      return made;
    };
    const head = document.createElement("tr");
    head.append(cell("th", "layer", "col"), ...shown.values[0].map((_, i) => cell("th", column(i, width), "col")));
    const rows = shown.texts.map((row, layer) => {
      const made = document.createElement("tr");
      made.append(cell("th", `${layer + 1}`, "row"), ...row.map((text) => cell("td", text)));
      return made;
    });
    charts.table.replaceChildren(head, ...rows);
  }

  function draw() {
    for (const [name, select] of Object.entries(controls)) {
      if (name === "step") continue;
      const wanted = options[name]();
      select.replaceChildren(...wanted.map(([value, text]) => new Option(text, value)));
      select.value = state[name];
      select.disabled = wanted.length < 2;
    }
    controls.step.max = found().steps.length;
    controls.step.value = state.step;
    const shown = grid();
    drawGrid(shown);
    const told = drawCurve();
    drawTickets();
    if (charts.details.open) drawTable(shown);
    controls.step.setAttribute("aria-valuetext", told);
    charts.said.textContent = state.view === "search" || state.method === "magnitude"
      ? `${capital(told)}. ${shown.told}`.trim() : capital(shown.told);
    write();
  }

  function change(name, value) {
    const wanted = { ...state, [name]: value };
    // Another search has other steps: begin with its good ticket.
    if (["study", "task", "seed", "method"].includes(name)) delete wanted.step;
    // Moving along the search shows the search.
    if (name === "step" && state.method === "structured") wanted.view = "search";
    settle(wanted);
    draw();
  }

  function build() {
    const labelled = (text, control) => {
      const label = document.createElement("label");
      label.append(text, control);
      label.className = `explorer-${control.name}`;
      form.append(label);
      return control;
    };
    const select = (name, text) => {
      controls[name] = labelled(text, Object.assign(document.createElement("select"), { name }));
      controls[name].addEventListener("change", (event) => change(name, event.target.value));
    };
    select("study", "Study");
    select("task", "Task");
    select("seed", "Seed");
    select("method", "What is pruned");
    select("view", "Show");
    select("other", "Compare with");
    const range = Object.assign(document.createElement("input"), { type: "range", min: 0, step: 1, name: "step" });
    controls.step = labelled("Step of the search", range);
    controls.step.addEventListener("input", (event) => change("step", event.target.value));
    form.addEventListener("submit", (event) => event.preventDefault());
    const copy = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy the link to this view" });
    new ClipboardJS(copy, { text: () => location.href }) // which the buttons on code use too
      .on("success", () => { copy.textContent = "Copied"; })
      .on("error", () => { copy.textContent = "Copy it from the address bar"; });
    copy.addEventListener("blur", () => { copy.textContent = "Copy the link to this view"; });
    form.append(copy);

    const div = (className) => Object.assign(document.createElement("div"), { className });
    charts.said = Object.assign(document.createElement("p"), { className: "explorer-said" });
    charts.said.setAttribute("role", "status");
    charts.grid = div("explorer-grid");
    charts.curve = div("explorer-curve");
    charts.caption = Object.assign(document.createElement("p"), { id: "explorer-caption", className: "explorer-caption" });
    charts.tickets = document.createElement("table");
    charts.tickets.setAttribute("aria-labelledby", charts.caption.id);
    const head = charts.tickets.createTHead().insertRow();
    for (const text of ["ticket", "size", "pruned", "retrained", "full model"])
      head.append(Object.assign(document.createElement("th"), { textContent: text, scope: "col" }));
    charts.tickets.createTBody();
    charts.details = document.createElement("details");
    charts.table = document.createElement("table");
    const scroll = div("explorer-scroll");
    scroll.tabIndex = 0;
    scroll.append(charts.table);
    charts.details.append(Object.assign(document.createElement("summary"), { textContent: "The grid as a table" }), scroll);
    charts.details.addEventListener("toggle", () => charts.details.open && drawTable(grid()));
    const wide = div("explorer-scroll");
    wide.tabIndex = 0;
    wide.append(charts.tickets);
    root.replaceChildren(form, charts.said, charts.grid, charts.curve, charts.caption, wide, charts.details);
  }

  build();
  settle(read());
  draw();
  window.addEventListener("hashchange", () => { settle(read()); draw(); });
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
