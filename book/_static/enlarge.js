/* A click, a tap or Enter opens a picture in its full size, with its caption. Escape, the button or a click beside it
   closes it, and the focus goes back to where it was. */
(() => {
  "use strict";
  const dialog = document.createElement("dialog");
  dialog.className = "mpack-large";
  dialog.setAttribute("aria-label", "Figure in full size");
  dialog.innerHTML = '<form method="dialog"><button class="mpack-close" aria-label="Close the figure">✕</button></form>'
    + '<div class="mpack-sheet" tabindex="0"></div><div class="mpack-words"></div>';
  const [sheet, words] = dialog.querySelectorAll("div");

  const show = (figure) => {
    const pictures = [...figure.querySelectorAll("img")];
    sheet.replaceChildren(...pictures.map((picture) => {
      const large = picture.cloneNode();
      for (const name of ["style", "loading", "tabindex", "role"]) large.removeAttribute(name);
      return large;
    }));
    const caption = figure.querySelector("figcaption")?.cloneNode(true);
    if (caption) {
      caption.querySelectorAll("[id], .headerlink, .mpack-enlarge").forEach((part) => {
        if (part.matches(".headerlink, .mpack-enlarge")) part.remove();
        else part.removeAttribute("id");
      });
      words.replaceChildren(...caption.childNodes);
    } else words.replaceChildren();
    dialog.showModal();
    // As large as it was drawn, or as there is room for; never smaller than it is meant to be: then it scrolls.
    pictures.forEach((picture, place) => {
      const natural = Number(picture.getAttribute("width")) || picture.width;
      const meant = parseFloat(picture.style.width) || picture.width;
      sheet.children[place].style.width = `${Math.max(meant, Math.min(natural, sheet.clientWidth))}px`;
    });
    sheet.scrollTo(0, 0);
  };

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("a[href^='#']")) dialog.close();
  });

  for (const figure of document.querySelectorAll("article figure:not(.mpack-interactive)")) {
    const pictures = figure.querySelectorAll("img");
    if (!pictures.length) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "mpack-enlarge";
    button.textContent = "Enlarge";
    const number = figure.querySelector(".caption-number")?.textContent.trim();
    if (number) button.setAttribute("aria-label", `Enlarge ${number}`);
    button.addEventListener("click", () => show(figure));
    const caption = figure.querySelector("figcaption");
    (caption?.querySelector(".mpack-data") ?? caption ?? figure).append(button);
    pictures.forEach((picture) => picture.addEventListener("click", () => {
      button.focus({ preventScroll: true }); // where the focus comes back to
      show(figure);
    }));
    figure.classList.add("mpack-enlargeable");
  }
  document.body.append(dialog);
})();
