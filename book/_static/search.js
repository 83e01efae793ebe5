// Search: ranks the sections of all pages (search_texts.js) by the words of a query, and shows where
// they are. Sphinx's own stemmer and stop words (language_data.js); BM25, where a heading counts more.
"use strict";

(() => {
  const out = document.getElementById("search-results");
  const query = new URLSearchParams(location.search).get("q") ?? "";
  for (const field of document.querySelectorAll("input[name=q]")) field.value = query;
  const SHOWN = 30, AROUND = 110;
  const QUESTION = new Set(["do", "does", "did", "how", "what", "why", "which", "who", "can", "i", "my", "we", "you"]);

  const stemmer = new Stemmer();
  const stems = new Map();
  const stem = (word) => {
    if (!stems.has(word)) stems.set(word, stemmer.stemWord(word));
    return stems.get(word);
  };
  const words = (text) => text.toLowerCase().match(/[\p{Letter}\p{Number}]+/gu) ?? [];
  const counted = (text, weight, counts) => {
    for (const word of words(text)) counts.set(stem(word), (counts.get(stem(word)) ?? 0) + weight);
    return counts;
  };

  /** The words of a query, less those that every question has. */
  const telling = () => words(query).filter((word) => !stopwords.includes(word) && !QUESTION.has(word));

  /** What is looked for: all words if no telling ones are left. */
  function terms() {
    const all = words(query), told = telling();
    return [...new Set((told.length ? told : all).map(stem))];
  }

  function search(wanted) {
    const sections = Object.entries(TEXTS).flatMap(([page, parts]) => parts.map(([anchor, heading, text], place) => {
      const named = counted(heading, 1, new Map());
      const counts = counted(text, 1, counted(heading, 3, new Map()));
      if (place) counted(parts[0][1], 1, counts); // the page's title belongs to each of its sections
      return { page, anchor, heading, text, place, title: parts[0][1], named, counts, length: words(text).length };
    }));
    const known = new Set(sections.flatMap(({ counts }) => [...counts.keys()]));
    const mean = sections.reduce((sum, { length }) => sum + length, 0) / sections.length;
    // A word that no page has may be the beginning of one.
    const alike = wanted.map((term) => (known.has(term) || term.length < 3
      ? [term] : [...known].filter((word) => word.startsWith(term))));
    const count = ({ counts }, like) => like.reduce((sum, word) => sum + (counts.get(word) ?? 0), 0);
    const rarity = alike.map((like) => {
      const n = sections.filter((section) => count(section, like)).length;
      return Math.log(1 + (sections.length - n + 0.5) / (n + 0.5));
    });
    const best = new Map();
    for (const section of sections) {
      const scores = alike.map((like, i) => {
        const n = count(section, like), headed = like.some((word) => section.named.has(word));
        return rarity[i] * (headed + n * 2.2 / (n + 1.2 * (0.25 + 0.75 * section.length / mean)));
      });
      const share = scores.filter(Boolean).length / scores.length;
      if (!share) continue;
      // The pages on one task are many and alike: what is said of all of them comes first.
      const depth = section.page.split("/").length;
      // A heading with every word that was asked for is most likely the question itself.
      const asked = alike.every((like) => like.some((word) => section.named.has(word))) ? 1.3 : 1;
      const score = asked * share ** 2 * scores.reduce((a, b) => a + b, 0) / (1 + 0.15 * Math.max(0, depth - 2));
      if (score > (best.get(section.page)?.score ?? 0)) best.set(section.page, { ...section, score, alike: alike.flat() });
    }
    return [...best.values()].sort((a, b) => b.score - a.score);
  }

  /** The part of a text with most of the words that were asked for, these in <mark>. */
  function snippet(text, wanted) {
    const places = [...text.matchAll(/[\p{Letter}\p{Number}]+/gu)]
      .filter(([word]) => wanted.has(stem(word.toLowerCase())))
      .map(({ index, 0: word }) => ({ start: index, end: index + word.length, stem: stem(word.toLowerCase()) }));
    const near = ({ start }) => new Set(places.filter((p) => p.start >= start && p.start < start + 2 * AROUND).map((p) => p.stem)).size;
    const first = places.reduce((a, b) => (a && near(a) >= near(b) ? a : b), null)?.start ?? 0;
    let from = Math.max(0, first - AROUND), to = Math.min(text.length, first + 2 * AROUND);
    if (from) from = text.indexOf(" ", from) + 1;
    if (to < text.length) to = Math.max(first + 1, text.lastIndexOf(" ", to));
    const shown = document.createElement("p");
    shown.className = "context";
    let at = from;
    shown.append(from ? "… " : "");
    for (const { start, end } of places.filter((p) => p.start >= from && p.end <= to)) {
      const mark = document.createElement("mark");
      mark.textContent = text.slice(start, end);
      shown.append(text.slice(at, start), mark);
      at = end;
    }
    shown.append(text.slice(at, to), to < text.length ? " …" : "");
    return shown;
  }

  function show(found) {
    const summary = Object.assign(document.createElement("p"), { className: "search-summary" });
    summary.setAttribute("role", "status");
    const n = found.length;
    summary.textContent = n
      ? `${n} ${n === 1 ? "page has" : "pages have"} something on "${query}"${n > SHOWN ? `; the best ${SHOWN}:` : ":"}`
      : `No page has any of the words of "${query}".`;
    const list = Object.assign(document.createElement("ul"), { className: "search" });
    for (const { page, anchor, heading, text, place, title, alike } of found.slice(0, SHOWN)) {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = `${page}.html${place ? `#${anchor}` : ""}`;
      link.textContent = place ? `${title} › ${heading}` : title;
      item.append(link, snippet(text, new Set(alike)));
      list.append(item);
    }
    // The page that is opened marks the words (marks.js); Sphinx's script, on this page too, has emptied the place.
    const marked = telling().filter((word) => word.length > 2);
    addEventListener("load", () => localStorage.setItem("sphinx_highlight_terms", marked.join(" ")));
    out.replaceChildren(summary, list);
  }

  if (!query.trim()) return;
  show(search(terms()));
})();
