// One random act on a figure, as a hasty reader might: which kind, and two random numbers in [0, 1).
([act, r, s]) => {
  const pick = (selector) => {
    const all = [...document.querySelectorAll(`.mpk ${selector}`)].filter((node) => node.offsetParent);
    return all[Math.floor(r * all.length)];
  };
  const change = (node, value, ...types) => {
    if (!node) return;
    if (value !== undefined) node.value = value;
    for (const type of types) node.dispatchEvent(new Event(type, { bubbles: true }));
  };
  const acts = {
    slider() {
      const node = pick("[type=range]");
      change(node, s * node?.max, "input", "change");
    },
    number() {
      const node = pick("[type=number]");
      change(node, Number(node?.min) + s ** 3 * (Math.min(node?.max, 3000) - node?.min), "change");
    },
    text() {
      change(pick("[type=number]"), ["", "-3", "0", "1e300"][Math.floor(4 * s)], "change");
    },
    select() {
      const node = pick("select");
      if (node) node.selectedIndex = Math.floor(s * node.options.length);
      change(node, undefined, "change");
    },
    box() {
      pick("[type=checkbox]")?.click();
    },
    button() {
      const node = pick("button");
      if (node && !/^(Save|Copy)/.test(node.textContent)) node.click();
    },
    key() {
      const key = ["ArrowUp", "ArrowLeft", "Home", "PageUp", " ", "Escape"][Math.floor(6 * s)];
      pick('[tabindex="0"], button')?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    },
    drag() {
      const node = pick("canvas, .mpk-handle");
      if (!node) return;
      const box = node.getBoundingClientRect();
      for (const [type, f] of [
        ["pointerdown", r],
        ["pointermove", s],
        ["pointerup", s],
      ]) {
        const place = { clientX: box.left + f * box.width, clientY: box.top + s * box.height };
        node.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, isPrimary: true, ...place }));
      }
    },
  };
  acts[act]();
};
