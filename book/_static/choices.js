// Choose your own ticket. The page holds one record as JSON (replication/pages/choices.py): ten heads
// at the edge of a ticket and the score of each of their 1,024 choices. The choice is in the address.
"use strict";

(() => {
  const root = document.getElementById("lottery_choices");
  const source = document.getElementById("lottery_choices-data");
  if (!root || !source) return;
  const { heads, importance, good, full_score: full, scores, threshold, metric, rows } = JSON.parse(source.textContent);
  const N = heads.length;
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 640, HEIGHT = 260, LEFT = 46, BOTTOM = 34, TOP = 10, RIGHT = 10;

  const sizeOf = (number) => [...Array(N).keys()].filter((i) => number >> i & 1).length;
  const ofSize = (size) => [...scores.keys()].filter((number) => sizeOf(number) === size);
  const bits = (number) => [...Array(N).keys()].map((i) => number >> i & 1).join("");
  const name = (i) => `layer ${heads[i][0] + 1}, head ${heads[i][1] + 1}`;
  const shown = (score) => score.toFixed(3);
  const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±") + Math.abs(value).toFixed(3);
  const extreme = (better) => ofSize(sizeOf(good)).reduce((a, b) => (better(scores[b], scores[a]) ? b : a));
  const k = sizeOf(good);
  const PRESETS = [
    ["the search's own", () => good],
    [`the best ${k}`, () => extreme((a, b) => a > b)],
    [`the worst ${k}`, () => extreme((a, b) => a < b)],
    [`draw ${k} at random`, () => { const all = ofSize(k); return all[Math.floor(Math.random() * all.length)]; }],
    [`all ${N}`, () => 2 ** N - 1],
    ["none", () => 0],
  ];

  let number = good;

  function element(tag, attributes = {}, text = "") {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function drawn(tag, attributes, parent) {
    const made = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  // The heads of the model: those at the edge are buttons, the rest stays as the good ticket has it.
  const grid = element("div", { class: "choices-grid", role: "group", "aria-label": "The heads of the model" });
  grid.style.setProperty("--heads", rows[0].length);
  const buttons = [];
  [...rows.keys()].reverse().forEach((layer) => { // the lowest at the bottom, as in the explorer
    const row = rows[layer];
    grid.append(element("span", { class: "choices-layer" }, `${layer + 1}`));
    [...row].forEach((bit, head) => {
      const i = heads.findIndex(([l, h]) => l === layer && h === head);
      if (i < 0) {
        grid.append(element("span", { class: bit === "1" ? "kept" : "removed", "aria-hidden": "true" }));
        return;
      }
      const button = element("button", { type: "button", title: `${name(i)}, importance ${shown(importance[i])}` });
      button.setAttribute("aria-label", name(i));
      button.addEventListener("click", () => choose(number ^ 1 << i));
      buttons[i] = button;
      grid.append(button);
    });
  });

  const presets = element("div", { class: "choices-presets" });
  for (const [text, pick] of PRESETS) {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => choose(pick()));
    presets.append(button);
  }

  const said = element("p", { class: "choices-said", "aria-live": "polite" });

  // Every choice is a dot; where they lie is drawn once.
  const low = Math.min(...scores), high = Math.max(full, ...scores), room = (high - low) * 0.04 || 0.01;
  const x = (size) => LEFT + (size + 0.5) / (N + 1) * (WIDTH - LEFT - RIGHT);
  const y = (score) => TOP + (high + room - score) / (high - low + 2 * room) * (HEIGHT - TOP - BOTTOM);
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  chart.setAttribute("role", "img");
  const label = (text, attributes) => { drawn("text", attributes, chart).textContent = text; };
  for (const [value, kind, text] of [[full, "full", "full model"], [threshold, "threshold", "threshold"]]) {
    drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: kind }, chart);
    label(text, { x: LEFT + 4, y: y(value) - 4 });
  }
  const places = scores.map((score, i) => [x(sizeOf(i)) + ((i * 0.618034) % 1 - 0.5) * 34, y(score)]);
  const dots = drawn("g", { class: "dots" }, chart);
  for (const [cx, cy] of places) drawn("circle", { cx, cy, r: 1.6 }, dots);
  const beside = drawn("g", { class: "beside" }, chart);
  const neighbours = [...Array(N)].map(() => drawn("circle", { r: 3.5 }, beside));
  const mark = drawn("circle", { r: 6, class: "mark" }, chart);
  for (let size = 0; size <= N; size += 1) {
    label(`${size}`, { x: x(size), y: HEIGHT - 18, "text-anchor": "middle" });
  }
  label("heads kept at the edge", { x: (WIDTH + LEFT) / 2, y: HEIGHT - 3, "text-anchor": "middle" });
  for (const value of [low, high]) label(shown(value), { x: LEFT - 4, y: y(value) + 4, "text-anchor": "end" });

  const caption = element("p", { class: "choices-caption" },
    `${metric} of all ${scores.length.toLocaleString("en")} choices by how many heads they keep. Large: yours. ` +
    "Middle-sized: its neighbours, one head away.");
  const table = element("table");
  const scroll = element("div", { class: "choices-scroll", tabindex: "0", role: "region", "aria-label": "Neighbours" });
  scroll.append(table);

  function choose(chosen, remember = true) {
    number = chosen;
    const score = scores[number], size = sizeOf(number);
    buttons.forEach((button, i) => {
      const on = Boolean(number >> i & 1);
      button.setAttribute("aria-pressed", on);
      button.textContent = on ? "✓" : "";
    });
    const rivals = ofSize(size).filter((other) => other !== number);
    const above = rivals.filter((other) => scores[other] > score).length;
    const same = rivals.filter((other) => scores[other] === score).length;
    said.textContent =
      `You keep ${size} of ${N} heads at the edge: ${metric} ${shown(score)}, ` +
      `${(100 * score / full).toFixed(0)} % of the full model's ${shown(full)}, ` +
      `which ${score >= threshold ? "passes" : "fails"} the threshold of ${shown(threshold)}. ` + (rivals.length
        ? `Of ${rivals.length} other ${rivals.length === 1 ? "choice" : "choices"} of as many heads ${above} score higher and ${same} the same.`
        : "There is no other choice of as many heads.");
    const [cx, cy] = places[number];
    mark.setAttribute("cx", cx);
    mark.setAttribute("cy", cy);
    neighbours.forEach((dot, i) => {
      const [nx, ny] = places[number ^ 1 << i];
      dot.setAttribute("cx", nx);
      dot.setAttribute("cy", ny);
    });
    chart.setAttribute("aria-label", `Dot plot of the scores of all choices. ${said.textContent}`);
    fill(score);
    if (remember) history.replaceState(null, "", `#keep=${bits(number)}`);
  }

  function fill(score) {
    table.replaceChildren();
    table.append(element("caption", {}, "Your choice and its neighbours: one head kept or removed."));
    const names = ["head", "importance", "the search", "you", "score if you change it", "change"];
    const head = table.createTHead().insertRow(), body = table.createTBody();
    for (const text of names) head.append(element("th", { scope: "col" }, text));
    heads.forEach((_, i) => {
      const next = scores[number ^ 1 << i];
      const row = element("tr");
      row.append(element("th", { scope: "row" }, name(i)));
      const cells = [shown(importance[i]), good >> i & 1 ? "kept" : "removed",
        number >> i & 1 ? "kept" : "removed", shown(next), signed(next - score)];
      cells.forEach((text, at) => row.append(element("td", { "data-label": names[at + 1] }, text)));
      body.append(row);
    });
  }

  function read() {
    const found = new RegExp(`^#keep=([01]{${N}})$`).exec(location.hash);
    return found ? [...found[1]].reduce((sum, bit, i) => sum + (Number(bit) << i), 0) : good;
  }

  root.append(grid, presets, said, chart, caption, scroll);
  choose(read(), false);
  window.addEventListener("hashchange", () => choose(read(), false));
})();
