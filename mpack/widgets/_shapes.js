// Ellipses and ellipsoids in a picture, for figures that have `_solid.js` as well. A body is its form A = R diag(a**2) R^T,
// [xx, yy, zz, xy, xz, yz]: all points c + x with x . A^-1 x <= 1. What is seen of it from far away is the ellipse of the
// two rows and columns across the view.
const shapes = (() => {
  const LIGHT = [-0.25, 1 / 3, Math.sqrt(1 - 1 / 16 - 1 / 9)], // right, up, nearer: where the ball of `_solid.js` is brightest
    GLOSS = 1 / 12, // radius of its bright spot, over its own
    MOST = 0.9, // distance of the spot from the middle, likewise
    SHADES = 64, // of a body drawn pixel by pixel
    ramps = new Map();

  /** The forms of all bodies, six numbers each, in units of `unit`: from quaternions and semi-axes by label. */
  function forms(turns, semi, unit) {
    const n = turns.length / 4,
      made = new Float64Array(6 * n);
    for (let i = 0; i < n; i++) {
      const w = turns[4 * i],
        x = turns[4 * i + 1],
        y = turns[4 * i + 2],
        z = turns[4 * i + 3],
        a = (semi[3 * i] / unit) ** 2,
        b = (semi[3 * i + 1] / unit) ** 2,
        c = (semi[3 * i + 2] / unit) ** 2;
      const p0 = 1 - 2 * (y * y + z * z), // the body's own axes, column by column
        p1 = 2 * (x * y + w * z),
        p2 = 2 * (x * z - w * y),
        q0 = 2 * (x * y - w * z),
        q1 = 1 - 2 * (x * x + z * z),
        q2 = 2 * (y * z + w * x),
        r0 = 2 * (x * z + w * y),
        r1 = 2 * (y * z - w * x),
        r2 = 1 - 2 * (x * x + y * y);
      made[6 * i] = a * p0 * p0 + b * q0 * q0 + c * r0 * r0;
      made[6 * i + 1] = a * p1 * p1 + b * q1 * q1 + c * r1 * r1;
      made[6 * i + 2] = a * p2 * p2 + b * q2 * q2 + c * r2 * r2;
      made[6 * i + 3] = a * p0 * p1 + b * q0 * q1 + c * r0 * r1;
      made[6 * i + 4] = a * p0 * p2 + b * q0 * q2 + c * r0 * r2;
      made[6 * i + 5] = a * p1 * p2 + b * q1 * q2 + c * r1 * r2;
    }
    return made;
  }

  /** The ellipse of a form in the plane: its two half axes, and how far the longer one is turned from x to y. */
  function ellipse(xx, yy, xy) {
    const mean = (xx + yy) / 2,
      apart = Math.hypot((xx - yy) / 2, xy);
    return [Math.sqrt(mean + apart), Math.sqrt(Math.max(0, mean - apart)), Math.atan2(2 * xy, xx - yy) / 2];
  }

  /**
   * What a plane across axis k cuts out of a body whose middle is `away` ahead of it: [x, y, xx, yy, xy], the middle of an
   * ellipse from that of the body, and its form, both along the two other axes; or null.
   */
  function cut(forms, i, k, away) {
    const of = (p, q) => forms[6 * i + (p === q ? p : p + q + 2)],
      [a, b] = [0, 1, 2].filter((axis) => axis !== k),
      left = 1 - (away * away) / of(k, k);
    if (!(left > 0)) return null;
    const form = (p, q) => (of(p, q) - (of(p, k) * of(q, k)) / of(k, k)) * left;
    return [(-of(a, k) * away) / of(k, k), (-of(b, k) * away) / of(k, k), form(a, a), form(b, b), form(a, b)];
  }

  // ---------------------------------------------------------------------------------------------- in two dimensions

  /** Where along an axis a body is drawn: across a wall once more, on the other side. */
  const copies = (x, reach, width) => (x < reach ? [x, x + width] : x > width - reach ? [x, x - width] : [x]);

  /**
   * Ellipses in a square of so many pixels: { places, forms (in boxes), flags, tones (the colours of these) }; `rim`, the
   * pixels of paper around each. Those of flag 1 lie above the others. put(x, y, xx, yy, xy, tone), in pixels, y downwards.
   */
  function flat({ places, forms: all, flags, tones }, wide, rim, paper, put) {
    for (const flag of [0, 1])
      for (let i = 0; i < flags.length; i++) {
        if (flags[i] !== flag) continue;
        const [xx, yy, xy] = [all[6 * i] * wide * wide, all[6 * i + 1] * wide * wide, -all[6 * i + 3] * wide * wide],
          slim = rim ? Math.max(0.5, 1 - rim / (2 * Math.sqrt(Math.min(xx, yy)))) ** 2 : 1;
        for (const x of copies(places[2 * i] * wide, Math.sqrt(xx), wide))
          for (const y of copies((1 - places[2 * i + 1]) * wide, Math.sqrt(yy), wide)) {
            if (rim) put(x, y, xx, yy, xy, paper);
            put(x, y, slim * xx, slim * yy, slim * xy, tones[flag]);
          }
      }
  }

  /** An ellipse by the canvas. */
  function fill(g, x, y, xx, yy, xy, tone) {
    g.fillStyle = tone;
    g.beginPath();
    g.ellipse(x, y, ...ellipse(xx, yy, xy), 0, 2 * Math.PI);
    g.fill();
  }

  /**
   * The rows of pixels that an ellipse covers: paint(row, from, end, down), `down` from its middle, pixels from ... end - 1
   * inside a picture so large.
   */
  function rows(width, height, x, y, xx, yy, xy, paint) {
    const reach = Math.sqrt(yy),
      lean = xy / yy,
      thin = xx - xy * lean,
      last = Math.min(height, Math.round(y + reach));
    for (let row = Math.max(0, Math.round(y - reach)); row < last; row++) {
      const down = row + 0.5 - y,
        half = Math.sqrt(Math.max(0, (1 - (down * down) / yy) * thin)),
        middle = x + lean * down;
      paint(row, Math.max(0, Math.round(middle - half)), Math.min(width, Math.round(middle + half)), down);
    }
  }

  /** An ellipse straight into the pixels of a picture. */
  function fillPixels(pixels, width, height, x, y, xx, yy, xy, tone) {
    rows(width, height, x, y, xx, yy, xy, (row, from, end) => pixels.fill(tone, row * width + from, row * width + Math.max(from, end)));
  }

  // ---------------------------------------------------------------------------------------------- in three dimensions

  /**
   * How a view sees bodies: seen(i) gives [x, y, nearer, xx, yy, xy, fx, fy], pixels, y downwards: the middle, the outline,
   * and where the surface faces the light, from the middle.
   */
  function eye({ places, forms: all }, { camera, put, scale }) {
    const columns = [camera(1, 0, 0), camera(0, 1, 0), camera(0, 0, 1)],
      [right, up, near] = [0, 1, 2].map((k) => columns.map((column) => column[k])),
      light = [0, 1, 2].map((k) => LIGHT[0] * right[k] + LIGHT[1] * up[k] + LIGHT[2] * near[k]);
    /** p . A . q */
    const across = (k, p, q) =>
      all[k] * p[0] * q[0] +
      all[k + 1] * p[1] * q[1] +
      all[k + 2] * p[2] * q[2] +
      all[k + 3] * (p[0] * q[1] + p[1] * q[0]) +
      all[k + 4] * (p[0] * q[2] + p[2] * q[0]) +
      all[k + 5] * (p[1] * q[2] + p[2] * q[1]);
    return (i) => {
      const at = camera(places[3 * i] - 0.5, places[3 * i + 1] - 0.5, places[3 * i + 2] - 0.5),
        [x, y, closer] = put(at),
        k = 6 * i,
        size = scale * closer,
        square = size * size,
        far = size / Math.sqrt(across(k, light, light)),
        outline = [across(k, right, right) * square, across(k, up, up) * square, -across(k, up, right) * square];
      return [x, y, at[2], ...outline, across(k, right, light) * far, -across(k, up, light) * far];
    };
  }

  /** The same as half axes and a turn, and the bright spot in units of these, in their directions. */
  function lit([, , , xx, yy, xy, fx, fy]) {
    const [long, short, turn] = ellipse(xx, yy, xy),
      [c, s] = [Math.cos(turn), Math.sin(turn)],
      [u, v] = [(c * fx + s * fy) / long, (c * fy - s * fx) / short],
      most = Math.min(1, MOST / Math.hypot(u, v));
    return { long, short, turn, c, s, u: u * most, v: v * most };
  }

  /** One body by the canvas, `slim` times its size, in its colour. */
  function body(g, seen, colour, colours, slim = 1) {
    const [x, y, near] = seen,
      { long, short, turn, u, v } = lit(seen),
      glow = g.createRadialGradient(u, v, GLOSS, 0, 0, 1);
    for (const [place, shade] of solid.shades(colour, solid.fogOf(near), colours)) glow.addColorStop(place, shade);
    g.save();
    g.translate(x, y);
    g.rotate(turn);
    g.scale(slim * long, slim * short);
    g.fillStyle = glow;
    g.beginPath();
    g.arc(0, 0, 1, 0, 2 * Math.PI);
    g.fill();
    g.restore();
  }

  /** Ellipsoids by the canvas, the farthest first: { places, forms, flags, tones }, see `flat`. */
  function solids(g, view, bodies, width, height, colours) {
    const all = Array.from(bodies.flags, (_, i) => i).map(eye(bodies, view));
    for (const i of solid.farthestFirst(all.map((one) => one[2])))
      if (inSight(all[i], width, height)) body(g, all[i], bodies.tones[bodies.flags[i]], colours);
  }

  /** Whether any of a body is on a canvas. */
  function inSight([x, y, , xx, yy], width, height) {
    return Math.abs(x - width / 2) < width / 2 + Math.sqrt(xx) && Math.abs(y - height / 2) < height / 2 + Math.sqrt(yy);
  }

  /** The colours from the bright spot to the outline, as pixels. */
  function ramp(tone, fog, colours) {
    const key = `${tone} ${fog} ${colours.paper}`;
    if (ramps.size > 40) ramps.clear();
    if (!ramps.has(key)) {
      const stops = solid.shades(tone, fog, colours),
        of = (at) => {
          const k = at < stops[1][0] ? 0 : 1,
            [[low, one], [high, other]] = [stops[k], stops[k + 1]];
          return solid.pixel(solid.mixed(one, other, (at - low) / (high - low)));
        };
      ramps.set(key, Int32Array.from({ length: SHADES + 1 }, (_, k) => of(k / SHADES)));
    }
    return ramps.get(key);
  }

  /** The same pixel by pixel, the nearest first, so that what is hidden costs next to nothing. */
  function crowd(g, view, bodies, colours) {
    const { width, height } = g.canvas,
      all = Array.from(bodies.flags, (_, i) => i).map(eye(bodies, view)),
      order = solid.farthestFirst(all.map((one) => one[2])),
      looks = bodies.tones.map((tone) => Array.from({ length: solid.FOG }, (_, fog) => ramp(tone, fog, colours)));
    solid.stamped(g, (pixels) => {
      for (let m = order.length - 1; m >= 0; m--) {
        const i = order[m];
        shade(pixels, width, height, all[i], looks[bodies.flags[i]][solid.fogOf(all[i][2])]);
      }
    });
  }

  /** One body where nothing is yet: the shade of a pixel is the circle of a gradient from the bright spot that it is on. */
  function shade(pixels, width, height, seen, look) {
    const { long, short, c, s, u, v } = lit(seen),
      [x, y, , xx, yy, xy] = seen,
      grow = 1 - GLOSS,
      square = u * u + v * v - grow * grow;
    rows(width, height, x, y, xx, yy, xy, (row, from, end, down) => {
      for (let k = from, at = row * width + from; k < end; k++, at++) {
        if (pixels[at] !== 0) continue;
        const over = k + 0.5 - x,
          p = (c * over + s * down) / long - u,
          q = (c * down - s * over) / short - v,
          mixed = p * u + q * v - GLOSS * grow,
          rest = p * p + q * q - GLOSS * GLOSS,
          place = rest <= 0 ? 0 : (-mixed - Math.sqrt(mixed * mixed - square * rest)) / square;
        pixels[at] = look[Math.min(SHADES, Math.round(SHADES * place))];
      }
    });
  }

  return { forms, ellipse, cut, flat, fill, fillPixels, eye, inSight, body, solids, crowd };
})();
