// A page that is opened from a search marks the words that were asked for (search.js leaves them here).
// Sphinx's own script would mark them within other words, and in the menus, too.
"use strict";

SphinxHighlight.highlightSearchWords = () => {
  const words = localStorage.getItem("sphinx_highlight_terms")?.split(" ").filter(Boolean) ?? [];
  localStorage.removeItem("sphinx_highlight_terms");
  const article = document.querySelector("article.bd-article");
  if (!words.length || !article) return;
  const asked = new RegExp(`(?<![\\p{Letter}\\p{Number}])(?:${words.join("|")})(?![\\p{Letter}\\p{Number}])`, "giu");
  const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    if (text.parentElement.closest("script, style, svg, button, select, textarea")) continue;
    for (const { 0: word, index } of [...text.data.matchAll(asked)].reverse()) {
      const found = text.splitText(index), mark = document.createElement("span");
      found.splitText(word.length);
      mark.className = "highlighted";
      found.replaceWith(mark);
      mark.append(found);
    }
  }
};
