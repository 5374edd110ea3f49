/* What is wider than its column scrolls in its own box. The box shows that it does: it has a bar, and fades towards the
   side on which there is more (`mpack-wide` in pages.css). It takes the focus, so that arrow keys move it. */
(() => {
  "use strict";
  const BOXES = "mjx-container[display='true'], .pst-scrollable-table-container, .text_html:has(> table), "
    + ".text_html:has(> div > table), article pre";

  const FADE = "2.2rem";

  const fade = (box) => {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.style.setProperty("--mpack-left", box.scrollLeft > 1 ? FADE : "0px");
    box.style.setProperty("--mpack-right", rest > 1 ? FADE : "0px");
  };

  const scrolled = (event) => fade(event.currentTarget);

  const look = (box) => {
    const wide = box.scrollWidth > box.clientWidth + 1;
    if (wide) {
      fade(box);
      box.addEventListener("scroll", scrolled, { passive: true }); // once: it is the same function
    }
    if (wide === box.classList.contains("mpack-wide")) return;
    box.classList.toggle("mpack-wide", wide);
    if (wide) {
      if (box.tabIndex < 0) { // also where the theme has set it so, before the window became narrow
        box.tabIndex = 0;
        box.dataset.mpackTab = "";
      }
    } else if ("mpackTab" in box.dataset) {
      box.removeAttribute("tabindex");
      delete box.dataset.mpackTab;
    }
  };

  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => look(entry.target)));
  const watch = () => {
    for (const box of document.querySelectorAll(BOXES)) {
      sizes.observe(box);
      look(box);
    }
  };
  watch();
  window.addEventListener("load", () => Promise.resolve(window.MathJax?.startup?.promise).then(watch));
})();
