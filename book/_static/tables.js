// A table that is wider than its place, or on a phone has a column too narrow for its text: on a phone
// each of its rows becomes a card; elsewhere it is set smaller and, if that is not enough, scrolls in its
// box, by keyboard too.
"use strict";

(() => {
  const PHONE = matchMedia("(max-width: 600px)");
  const labelled = new WeakSet();
  const says = (cell) => cell.textContent.trim();

  /** The cells of rows by column, those that span several columns in each of them. */
  function columns(rows) {
    const grid = rows.map(() => []);
    rows.forEach((row, y) => {
      let x = 0;
      for (const cell of row.cells) {
        while (grid[y][x]) x += 1;
        for (let down = 0; down < cell.rowSpan && y + down < rows.length; down += 1)
          for (let right = 0; right < cell.colSpan; right += 1) grid[y + down][x + right] = cell;
        x += cell.colSpan;
      }
    });
    return grid;
  }

  /** What a card needs: the name of each cell's column, in every row the names that rows share. */
  function label(table) {
    const head = columns([...(table.tHead?.rows ?? [])]);
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    columns(rows).forEach((cells, y) => {
      const missing = cells.filter((cell) => cell.parentElement !== rows[y]);
      rows[y].prepend(...missing.map((cell) => {
        const copy = Object.assign(cell.cloneNode(true), { rowSpan: 1, className: "of-the-card" });
        copy.removeAttribute("id");
        return copy;
      }));
      cells.forEach((cell, x) => {
        const names = [...new Set(head.map((row) => row[x]).filter(Boolean).map(says).filter(Boolean))];
        cell.dataset.label = cell.tagName === "TD" ? names.join(", ") : "";
      });
    });
    labelled.add(rows[0]);
  }

  /** Of many cards the first few, and all of them at a touch. */
  function shorten(table) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).length;
    if (rows <= 6 || table.matches(".verdicts") || table.nextElementSibling?.matches(".all-cards")) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "all-cards", textContent: `Show all ${rows} rows` });
    button.addEventListener("click", () => table.classList.remove("short"));
    table.classList.add("short");
    table.after(button);
  }

  function fit(table) {
    const box = table.parentElement;
    const wide = () => table.offsetWidth > box.clientWidth + 1;
    const tall = (row) => row.cells.length > 2 && row.offsetHeight > 180;
    const narrow = () => !table.matches(".verdicts") && [...table.tBodies].some((body) => [...body.rows].some(tall));
    table.classList.remove("cards", "dense");
    box.removeAttribute("tabindex");
    if (PHONE.matches && table.tHead && (wide() || narrow())) {
      if (!labelled.has(table.tBodies[0]?.rows[0])) label(table); // a script may have put in other rows
      table.classList.add("cards");
      shorten(table);
      return;
    }
    if (!wide()) return;
    table.classList.add("dense");
    if (!wide()) return;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", table.caption ? says(table.caption) : "A wide table, which scrolls");
  }

  const widths = new WeakMap();
  const observer = new ResizeObserver((entries) => {
    for (const { target, contentRect: { width } } of entries) {
      if (!width || widths.get(target) === width) continue; // only higher, or still folded away
      widths.set(target, width);
      for (const table of target.children) if (table.tagName === "TABLE") fit(table);
    }
  });
  for (const table of document.querySelectorAll(".bd-article table")) {
    observer.observe(table.parentElement);
    new MutationObserver(() => fit(table)).observe(table, { childList: true, subtree: true });
  }
})();
