/* A link leads to its target, and stays there while the page is still growing: formulas are typeset, figures come
   to life, blocks fold, all after the browser has jumped. What is folded around a target opens. Whoever scrolls
   or types meanwhile is left alone. */
(() => {
  "use strict";
  const QUIET = 3000; // milliseconds after everything is there in which something may still move
  const BY_HAND = ["wheel", "touchstart", "keydown", "pointerdown"];
  let goal = null;
  let settled = Promise.resolve();

  const named = (hash) => {
    try {
      return document.getElementById(decodeURIComponent(hash.slice(1)));
    } catch {
      return null; // no valid address
    }
  };

  const open = (element) => {
    for (let around = element; around; around = around.parentElement) {
      if (around.tagName === "DETAILS") around.open = true;
      if (around.classList.contains("toggle-hidden")) around.querySelector(".toggle-button")?.click();
    }
  };

  const jump = () => goal?.scrollIntoView({ behavior: "instant", block: "start" });
  const growing = new ResizeObserver(jump);
  const leave = () => {
    goal = null;
    growing.disconnect();
  };

  const land = (hash) => {
    const element = named(hash);
    if (!element) return;
    leave();
    open(element);
    goal = element;
    growing.observe(document.querySelector("article") ?? document.body);
    jump();
    settled.then(() => {
      if (goal !== element) return;
      jump();
      setTimeout(() => goal === element && leave(), QUIET);
    });
  };

  const there = new Promise((done) => window.addEventListener("load", done, { once: true }));
  settled = there.then(() => Promise.all([window.MathJax?.startup?.promise, document.fonts?.ready]));
  for (const kind of BY_HAND) window.addEventListener(kind, leave, { capture: true, passive: true });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    // A link in the title of a block that folds is no handle: the script that folds knows none but its own.
    if (link.closest(".admonition-title")) event.stopPropagation();
    const to = new URL(link.href, location.href);
    const here = to.origin === location.origin && to.pathname === location.pathname && to.search === location.search;
    if (!here || to.hash.length < 2) return;
    setTimeout(() => event.defaultPrevented || land(to.hash)); // after the browser's own jump
  }, { capture: true });
  window.addEventListener("hashchange", () => {
    // By hand, or by going back: the browser jumps itself, but not to what is folded away, and not for good
    // while the page is still held at the target of the link before.
    const element = named(location.hash);
    const folded = element?.closest("details:not([open]), .toggle-hidden");
    if (folded || (element && goal && goal !== element)) land(location.hash);
  });

  // A page that is opened again, or gone back to, keeps the place where it was left.
  const [visit] = performance.getEntriesByType("navigation");
  if (location.hash.length > 1 && (!visit || visit.type === "navigate")) land(location.hash);
})();
