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

  /** The shades of a body of a colour at a distance, [place, shade] from its bright spot (0) to its outline (1). */
  function shades(colour, fog, colours) {
    const base = mixed(colour, colours.paper, 0.5 * (1 - fog / (FOG - 1)));
    return [
      [0, mixed(base, "#ffffff", 0.55)],
      [0.45, base],
      [1, mixed(base, "#000000", 0.42)],
    ];
  }

  /** A shaded sphere of a colour at a distance, to be drawn by `drawImage`; `wide`: pixels of its picture. */
  function ball(colour, fog, colours, wide = 96) {
    const picture = runtime.element("canvas", { width: wide, height: wide }),
      g = picture.getContext("2d"),
      light = g.createRadialGradient(36, 32, 4, 48, 48, 48);
    g.scale(wide / 96, wide / 96);
    for (const [place, shade] of shades(colour, fog, colours)) light.addColorStop(place, shade);
    g.fillStyle = light;
    g.beginPath();
    g.arc(48, 48, 47, 0, 2 * Math.PI);
    g.fill();
    return picture;
  }

  // ---------------------------------------------------------------------------------------------- crowds

  const BINS = 1 << 14, // of depth
    WHOLE = 20000, // spheres that are all drawn; of more,
    OPAQUE = 1.75, // those so many diameters over the packing fraction deep are hidden by others, and left out
    SHARP = 10, // pixels
    SOLID = -0x1000000, // a pixel that lets nothing through; these are integers of 32 bits, opacity first
    sprites = new Map(); // colour and paper -> [fog][pixels wide]
  let room = null, // arrays of a crowd, kept from picture to picture
    sheet = null; // and what it is drawn on

  /** A colour as a pixel of a picture. */
  const pixel = (hex) => parts(hex).reduce((whole, part, k) => whole | (part << (8 * k)), SOLID);

  /** Coordinates in units of 2**-64 of the box as shares of it. */
  function shares(fixed) {
    const halves = new Uint32Array(fixed.buffer, fixed.byteOffset, 2 * fixed.length),
      made = new Float64Array(fixed.length);
    for (let k = 0; k < made.length; k++) made[k] = halves[2 * k + 1] / 2 ** 32;
    return made;
  }

  /** The pixels of a square picture, to be stamped by the thousand. */
  function pixelsOf(picture) {
    const { width } = picture;
    return new Int32Array(picture.getContext("2d").getImageData(0, 0, width, width).data.buffer);
  }

  /** Pictures of balls of a colour: [fog][pixels wide], filled as they are needed. */
  function spritesOf(colour, colours) {
    const key = `${colour} ${colours.paper}`;
    if (!sprites.has(key)) {
      if (sprites.size > 7) sprites.clear();
      sprites.set(
        key,
        Array.from({ length: FOG }, () => []),
      );
    }
    return sprites.get(key);
  }

  /** A ball as pixels; where there are few of them, its edge is sharp, which is quicker. */
  function sprite(colour, fog, colours, wide) {
    const pixels = pixelsOf(ball(colour, fog, colours, wide));
    if (wide < SHARP) for (let k = 0; k < pixels.length; k++) pixels[k] = pixels[k] < 0 ? pixels[k] | SOLID : 0;
    return pixels;
  }

  function roomFor(n) {
    if (room?.n >= n) return room;
    const of = (Kind) => new Kind(n);
    room = { n, x: of(Float32Array), y: of(Float32Array), wide: of(Uint16Array), look: of(Uint8Array) };
    return Object.assign(room, { bin: of(Uint16Array), order: of(Uint32Array), start: new Uint32Array(BINS + 1) });
  }

  /**
   * Where the spheres of a crowd are on a canvas. Those outside of it are left out, and, of very many, those so deep
   * behind the faces turned to the reader that others hide them. Returns how many there are.
   */
  function placed({ places, widths, flags, phi }, { camera, scale }, width, height) {
    const n = widths.length,
      { x, y, wide, look, bin } = roomFor(n),
      [[rx, ux, nx], [ry, uy, ny], [rz, uz, nz]] = [camera(1, 0, 0), camera(0, 1, 0), camera(0, 0, 1)],
      widest = widths.reduce((most, one) => Math.max(most, one)),
      inside = n > WHOLE ? 0.5 - (OPAQUE / Math.min(phi, 0.7)) * widest : -Infinity,
      [sx, sy, sz] = [nx, ny, nz].map((side) => (side > 0 ? 1 : -1));
    let count = 0;
    for (let i = 0; i < n; i++) {
      const a = places[3 * i] - 0.5,
        b = places[3 * i + 1] - 0.5,
        c = places[3 * i + 2] - 0.5;
      if (sx * a < inside && sy * b < inside && sz * c < inside) continue;
      const near = nx * a + ny * b + nz * c,
        closer = (scale * CAMERA) / (CAMERA - near),
        d = widths[i] * closer,
        px = width / 2 + (rx * a + ry * b + rz * c) * closer,
        py = height / 2 - (ux * a + uy * b + uz * c) * closer;
      if (px < -d || px > width + d || py < -d || py > height + d) continue;
      x[count] = px;
      y[count] = py;
      wide[count] = Math.ceil(d);
      look[count] = FOG * flags[i] + fogOf(near);
      bin[count++] = (near + 1) * (BINS / 2); // |near| <= sqrt(3)/2
    }
    return count;
  }

  /** The farthest first, by counting: what is in one bin of depth keeps its order. */
  function sorted(count) {
    const { bin, order, start } = room;
    start.fill(0);
    for (let k = 0; k < count; k++) start[bin[k] + 1]++;
    for (let b = 0; b < BINS; b++) start[b + 1] += start[b];
    for (let k = 0; k < count; k++) order[start[bin[k]]++] = k;
    return order;
  }

  /**
   * Spheres of a whole box, as many as there may be, pixel by pixel: { places, widths (diameters in boxes), phi, flags
   * (0 or 1), tones (the colours of these) }. Where `drawImage` would be too slow.
   */
  function crowd(g, state, spheres, colours) {
    const { width, height } = g.canvas,
      count = placed(spheres, view(state, width, height), width, height),
      order = sorted(count),
      { x, y, wide, look } = room,
      balls = spheres.tones.map((tone) => spritesOf(tone, colours));
    stamped(g, (pixels) => {
      for (let m = 0; m < count; m++) {
        const k = order[m],
          flag = look[k] >= FOG ? 1 : 0,
          fog = look[k] - FOG * flag,
          row = balls[flag][fog];
        row[wide[k]] ??= sprite(spheres.tones[flag], fog, colours, wide[k]);
        stamp(pixels, width, height, row[wide[k]], wide[k], x[k], y[k]);
      }
    });
  }

  /** Put a picture (see `pixelsOf`) into pixels, its middle there. */
  function stamp(pixels, width, height, one, wide, x, y) {
    const left = Math.round(x - wide / 2),
      top = Math.round(y - wide / 2),
      from = Math.max(0, -left),
      end = Math.min(wide, width - left);
    for (let row = Math.max(0, -top); row < wide && top + row < height; row++)
      for (let k = row * wide + from, at = (top + row) * width + left + from; k < row * wide + end; k++, at++) {
        const over = one[k];
        if (over < 0 && over >= SOLID) pixels[at] = over;
        else if (over !== 0) pixels[at] = blended(over, pixels[at]);
      }
  }

  /** One pixel laid over another. */
  function blended(over, under) {
    if (under === 0) return over;
    const a = over >>> 24,
      b = 255 - a,
      red = (((over & 255) * a + (under & 255) * b) / 255) | 0,
      green = ((((over >>> 8) & 255) * a + ((under >>> 8) & 255) * b) / 255) | 0,
      blue = ((((over >>> 16) & 255) * a + ((under >>> 16) & 255) * b) / 255) | 0;
    return red | (green << 8) | (blue << 16) | ((a + ((under >>> 24) * b) / 255) << 24);
  }

  /** Lay on a canvas what `paint` writes into pixels as large as it; 0 lets through what is below. */
  function stamped(g, paint) {
    const { width, height } = g.canvas;
    if (sheet?.picture.width !== width || sheet.picture.height !== height) {
      const node = runtime.element("canvas", { width, height });
      sheet = { node, picture: new ImageData(width, height) };
      sheet.pixels = new Int32Array(sheet.picture.data.buffer);
    }
    sheet.pixels.fill(0);
    paint(sheet.pixels);
    sheet.node.getContext("2d").putImageData(sheet.picture, 0, 0);
    g.save();
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.drawImage(sheet.node, 0, 0);
    g.restore();
  }

  return { FOG, WHOLE, mixed, turner, view, fogOf, front, farthestFirst, edges, shades, ball, pixel, pixelsOf, shares, crowd, stamp, stamped };
})();
