// A cube of spheres in perspective, turned by pointer and keys: what figures in three dimensions share. Their state has
// `azimuth`, `elevation` (degrees) and `zoom`. Places are shares of the box, [x0, y0, z0, x1, ...].
const solid = (() => {
  const CAMERA = 4, // its distance from the middle, in boxes
    FOG = 6, // shades with distance
    SKIN = 2.5, // diameters: of many spheres in a whole box, those deeper than this behind its near faces are hidden
    MANY = 4000;

  const parts = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  /** A colour between two, as text. */
  const mixed = (one, other, share) =>
    `#${parts(one)
      .map((part, k) => Math.round(part + share * (parts(other)[k] - part)).toString(16).padStart(2, "0"))
      .join("")}`;

  /** What the view is turned by: a button as large as the canvas in `holder`, for pointers and arrow keys. */
  function turner(ui, holder) {
    const face = (azimuth, elevation) =>
      ui.set({
        azimuth: ((((azimuth + 180) % 360) + 360) % 360) - 180,
        elevation: Math.max(-90, Math.min(90, elevation)),
      });
    const zoom = (factor) =>
      ui.set({ zoom: Number(Math.max(0.5, Math.min(8, ui.state.zoom * factor)).toPrecision(3)) });
    const node = runtime.element("button", {
      type: "button",
      class: "mpk-turner",
      "aria-label": "Turn the packing with the arrow keys, zoom with plus and minus",
    });
    ui.listen(node, "keydown", (event) => {
      const by = event.shiftKey ? 15 : 3,
        to = { ArrowLeft: [by, 0], ArrowRight: [-by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] }[event.key],
        factor = { "+": 1.1, "=": 1.1, "-": 1 / 1.1 }[event.key];
      if (!to && !factor) return;
      event.preventDefault();
      if (to) face(ui.state.azimuth + to[0], ui.state.elevation + to[1]);
      else zoom(factor);
      ui.speak(0);
    });
    let from = null;
    ui.listen(node, "pointerdown", (event) => {
      from = { x: event.clientX, y: event.clientY, ...ui.state };
      try {
        node.setPointerCapture(event.pointerId);
      } catch {
        /* a pointer that is gone already */
      }
    });
    ui.listen(node, "pointermove", (event) => {
      if (!from) return; // half a degree a pixel
      const right = Math.round((from.x - event.clientX) / 2),
        up = Math.round((event.clientY - from.y) / 2);
      face(from.azimuth + right, from.elevation + up);
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"])
      ui.listen(node, type, () => {
        from = null;
      });
    ui.listen(
      node,
      "wheel",
      (event) => {
        if (!event.ctrlKey) return; // the wheel by itself scrolls the page; a pinch comes with ctrlKey
        event.preventDefault();
        zoom(Math.exp(-0.01 * event.deltaY));
      },
      { passive: false },
    );
    holder.append(node);
    return node;
  }

  /** From places less 1/2 to [right, up, nearer] in boxes, the middle of the box at 0. */
  function camera({ azimuth, elevation }) {
    const turn = Math.PI / 180,
      a = azimuth * turn,
      e = elevation * turn,
      [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
    return (x, y, z) => [-sa * x + ca * y, -se * (ca * x + sa * y) + ce * z, ce * (ca * x + sa * y) + se * z];
  }

  /** How a state shows the box on a canvas: its `camera`; `put`, to [x, y, how much larger]; `scale`, of a box, pixels. */
  function view(state, width, height) {
    const scale = (state.zoom * Math.min(width, height)) / 1.95;
    const put = ([right, up, near]) => {
      const closer = CAMERA / (CAMERA - near);
      return [width / 2 + right * closer * scale, height / 2 - up * closer * scale, closer];
    };
    return { camera: camera(state), put, scale };
  }

  /** The shade, 0 (far) to FOG - 1, of what is so much nearer than the middle. */
  const fogOf = (near) => Math.max(0, Math.min(FOG - 1, Math.floor(FOG * (0.5 + near / 1.5))));

  /** Of many spheres of a whole box, up to `widest` boxes in diameter, those near the faces turned to the reader. */
  function front(list, places, widest, camera) {
    if (list.length < MANY) return list;
    const deep = SKIN * widest,
      towards = [camera(1, 0, 0)[2] > 0, camera(0, 1, 0)[2] > 0, camera(0, 0, 1)[2] > 0];
    return list.filter((i) => {
      for (let k = 0; k < 3; k++) if ((towards[k] ? 1 - places[3 * i + k] : places[3 * i + k]) < deep) return true;
      return false;
    });
  }

  /** The farthest first: indices 0 ... (at most 2**20 of them) of depths, which are shares of the box. */
  function farthestFirst(depths) {
    const keys = Float64Array.from(depths, (near, k) => Math.round((near + 2) * 2 ** 24) * 2 ** 20 + k);
    return keys.sort().map((key) => key % 2 ** 20);
  }

  /** The edges of the box behind the spheres, or those before them. */
  function edges(g, { camera, put }, colours, before) {
    const corner = (k) => [k & 1, (k >> 1) & 1, (k >> 2) & 1].map((side) => side - 0.5),
      near = Array.from({ length: 8 }, (_, k) => camera(...corner(k))[2]),
      closest = near.indexOf(Math.max(...near));
    g.lineWidth = 1;
    g.strokeStyle = mixed(colours.paper, colours.ink, before ? 0.55 : 0.3);
    for (let k = 0; k < 8; k++)
      for (const side of [1, 2, 4]) {
        if (k & side || (k === closest || (k | side) === closest) !== before) continue;
        const [x0, y0] = put(camera(...corner(k))),
          [x1, y1] = put(camera(...corner(k | side)));
        g.beginPath();
        g.moveTo(x0, y0);
        g.lineTo(x1, y1);
        g.stroke();
      }
  }

  /** A shaded sphere of a colour at a distance, to be drawn by `drawImage`; `wide`: pixels of its picture. */
  function ball(colour, fog, colours, wide = 96) {
    const picture = runtime.element("canvas", { width: wide, height: wide }),
      g = picture.getContext("2d"),
      base = mixed(colour, colours.paper, 0.5 * (1 - fog / (FOG - 1))),
      light = g.createRadialGradient(36, 32, 4, 48, 48, 48);
    g.scale(wide / 96, wide / 96);
    light.addColorStop(0, mixed(base, "#ffffff", 0.55));
    light.addColorStop(0.45, base);
    light.addColorStop(1, mixed(base, "#000000", 0.42));
    g.fillStyle = light;
    g.beginPath();
    g.arc(48, 48, 47, 0, 2 * Math.PI);
    g.fill();
    return picture;
  }

  /** A picture to be stamped by the thousand: a square of pixels, those that do not cover being 0. */
  function sprite(picture) {
    const { width } = picture,
      { data } = picture.getContext("2d").getImageData(0, 0, width, width);
    for (let k = 3; k < data.length; k += 4) data[k] = data[k] < 128 ? 0 : 255;
    const pixels = new Uint32Array(data.buffer);
    for (let k = 0; k < pixels.length; k++) if (!data[4 * k + 3]) pixels[k] = 0;
    return { width, pixels };
  }

  /** A sheet as large as a canvas, for sprites, which is then laid on it: where `drawImage` would be too slow. */
  function sheet(g) {
    const { width, height } = g.canvas,
      picture = new ImageData(width, height),
      pixels = new Uint32Array(picture.data.buffer);
    return {
      /** Stamp a sprite, its middle at these pixels. */
      stamp(one, x, y) {
        const left = Math.round(x - one.width / 2),
          top = Math.round(y - one.width / 2),
          end = Math.min(one.width, width - left);
        for (let row = Math.max(0, -top); row < Math.min(one.width, height - top); row++)
          for (let column = Math.max(0, -left); column < end; column++) {
            const pixel = one.pixels[row * one.width + column];
            if (pixel) pixels[(top + row) * width + left + column] = pixel;
          }
      },
      lay() {
        const laid = runtime.element("canvas", { width, height });
        laid.getContext("2d").putImageData(picture, 0, 0);
        g.save();
        g.setTransform(1, 0, 0, 1, 0, 0);
        g.drawImage(laid, 0, 0);
        g.restore();
      },
    };
  }

  return { FOG, mixed, turner, camera, view, fogOf, front, farthestFirst, edges, ball, sprite, sheet };
})();
