/* Lines of context below what the search finds, from the text that came with the page: nothing is fetched, so they are
   there when the book is opened from a file, too. */
(() => {
  "use strict";
  const AROUND = 110; // characters on each side of a word
  const EXCERPTS = 3;
  const texts = window.mpackText ?? {};
  const fetched = window.fetch;

  window.fetch = (address, options) => {
    const name = String(address).replace(document.documentElement.dataset.content_root, "").replace(/\.html$/, "");
    return name in texts ? Promise.resolve(new Response(name)) : fetched(address, options);
  };

  /* Where words stand in a text: [start, end] of what is shown around each, those that meet joined. */
  const places = (text, words) => {
    const low = text.toLowerCase();
    const found = words.flatMap((word) => {
      const all = [];
      for (let at = low.indexOf(word); at >= 0 && all.length < EXCERPTS; at = low.indexOf(word, at + word.length)) all.push(at);
      return all;
    });
    const joined = [];
    for (const at of found.sort((a, b) => a - b)) {
      const last = joined.at(-1);
      if (last && at - AROUND <= last[1]) last[1] = at + AROUND;
      else if (joined.length < EXCERPTS) joined.push([at - AROUND, at + AROUND]);
    }
    return joined;
  };

  const excerpt = (text, [from, to]) => {
    const start = from <= 0 ? 0 : text.indexOf(" ", from) + 1;
    const end = to >= text.length ? text.length : text.lastIndexOf(" ", to);
    return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
  };

  Search.makeSearchSummary = (name, words, anchor) => {
    const parts = texts[name] ?? [];
    const own = anchor ? parts.filter(([anchors]) => anchors.includes(anchor.slice(1))) : [];
    const all = [...words].map((word) => word.toLowerCase());
    let made = [];
    for (const from of own.length ? [own, parts] : [parts]) {
      made = from.flatMap(([, text]) => places(text, all).map((place) => excerpt(text, place)));
      if (made.length) break;
    }
    if (!made.length && parts.length) made = [excerpt((own[0] ?? parts[0])[1], [0, 2 * AROUND])];
    const summary = document.createElement("div");
    summary.className = "context";
    summary.append(...made.slice(0, EXCERPTS).map((text) => {
      const line = document.createElement("p");
      line.textContent = text;
      return line;
    }));
    return summary;
  };
})();
