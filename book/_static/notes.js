/* What a link leads to, beside the link: a term, an equation, a reference, a figure. Shown while the pointer or the
   focus is on the link, or the pointer on the note; Escape hides it. Not on touch, where a tap follows the link. */
(() => {
  "use strict";
  const page = document.getElementById("mpack-notes");
  if (!page) return;
  const notes = JSON.parse(page.textContent);
  const IN = 250, OUT = 200; // milliseconds
  const note = document.createElement("div");
  note.className = "mpack-note";
  note.id = "mpack-note";
  note.setAttribute("role", "tooltip");
  note.hidden = true;
  let link = null, waiting = 0;

  const place = () => {
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = note;
    const left = Math.min(Math.max(at.left + at.width / 2 - width / 2, 8), document.documentElement.clientWidth - width - 8);
    const above = at.top > height + 84 || at.top > innerHeight - at.bottom;
    note.style.left = `${left}px`;
    note.style.top = `${above ? Math.max(at.top - height - 6, 4) : at.bottom + 6}px`;
  };

  const show = (at) => {
    hide();
    link = at;
    const [kind, text] = notes[at.getAttribute("href")];
    note.dataset.kind = kind;
    note.innerHTML = text;
    note.hidden = false;
    link.setAttribute("aria-describedby", note.id);
    place();
    note.querySelectorAll("img").forEach((picture) => picture.addEventListener("load", () => link && place()));
    if (note.querySelector(".math")) {
      Promise.resolve(window.MathJax?.typesetPromise?.([note])).then(() => link && place());
    }
  };

  const hide = () => {
    clearTimeout(waiting);
    if (!link) return;
    window.MathJax?.typesetClear?.([note]);
    link.removeAttribute("aria-describedby");
    note.hidden = true;
    note.replaceChildren();
    link = null;
  };

  const noted = (target) => {
    const at = target.closest?.("article a[href]");
    return at && !at.matches(".headerlink") && notes[at.getAttribute("href")] ? at : null;
  };
  const soon = (act, time) => {
    clearTimeout(waiting);
    waiting = setTimeout(act, time);
  };

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const at = noted(event.target);
    if (at && at !== link) soon(() => show(at), IN);
    else if (at || note.contains(event.target)) clearTimeout(waiting);
    else if (link) soon(hide, OUT);
    else clearTimeout(waiting);
  });
  document.addEventListener("focusin", (event) => {
    const at = noted(event.target);
    if (at && at.matches(":focus-visible")) show(at);
    else if (link && !note.contains(event.target)) hide();
  });
  document.addEventListener("focusout", (event) => event.target === link && hide());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("pointerdown", (event) => !note.contains(event.target) && hide());
  window.addEventListener("scroll", () => {
    if (link && !link.matches(":hover, :focus")) hide();
    else if (link) place();
  }, { passive: true });
  document.body.append(note);
})();
