/* Easier to read: more contrast, and plainer letters. Two switches in the bar at the top, kept in this browser
   (`localStorage`, where there is one). Who asks the system for more contrast has it until they choose otherwise.
   Runs before the page is drawn, so that nothing flickers; the look is in easy.css, by two attributes of <html>. */
(() => {
  "use strict";
  const KEY = "mpack-easy";
  const SWITCHES = [["contrast", "More contrast"], ["letters", "Plain, larger letters"]];
  const wished = window.matchMedia("(prefers-contrast: more)");
  const root = document.documentElement;

  let chosen = {};
  const read = (text) => {
    try {
      const found = JSON.parse(text);
      for (const [name] of SWITCHES) if (typeof found?.[name] === "boolean") chosen[name] = found[name];
    } catch { /* nothing kept, or something that is not ours */ }
  };
  try { read(localStorage.getItem(KEY)); } catch { /* a page from a file may have none */ }

  const isOn = (name) => chosen[name] ?? (name === "contrast" && wished.matches);
  const apply = () => {
    for (const [name] of SWITCHES) {
      root.toggleAttribute(`data-easy-${name}`, isOn(name));
      const box = document.getElementById(`mpack-easy-${name}`);
      if (box) box.checked = isOn(name);
    }
  };
  const choose = (name, on) => {
    chosen[name] = on;
    try { localStorage.setItem(KEY, JSON.stringify(chosen)); } catch { /* for this page alone, then */ }
    apply();
  };

  const made = () => {
    const door = document.createElement("details");
    door.className = "mpack-easy";
    const head = document.createElement("summary");
    head.textContent = "Aa";
    head.setAttribute("aria-label", "Contrast and letters");
    head.title = "Contrast and letters";
    const sheet = document.createElement("div");
    for (const [name, words] of SWITCHES) {
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", id: `mpack-easy-${name}` });
      box.addEventListener("change", () => choose(name, box.checked));
      label.append(box, ` ${words}`);
      sheet.append(label);
    }
    door.append(head, sheet);
    const close = () => { door.open = false; };
    door.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !door.open) return;
      close();
      head.focus();
    });
    door.addEventListener("focusout", (event) => { if (!door.contains(event.relatedTarget ?? door)) close(); });
    document.addEventListener("pointerdown", (event) => { if (!door.contains(event.target)) close(); });
    return door;
  };

  apply();
  wished.addEventListener("change", apply);
  window.addEventListener("storage", (event) => { // chosen in another tab
    if (event.key !== KEY) return;
    chosen = {};
    read(event.newValue);
    apply();
  });
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".article-header-buttons")?.prepend(made());
    apply();
  });
})();
