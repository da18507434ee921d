// A garment on a larger picture, the map of its class, the box, IoU.
(() => {
  const { SIZE, element, paint, place, grey, classMaps } = Live;
  const value = (id) => Number(element(id).value);
  let garment = 0;

  // The same numbers each time, from 0 to 1.
  function lots(seed) {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
  }

  function paste(scene, size, image, left, top) {
    for (let r = 0; r < SIZE; r++) {
      for (let c = 0; c < SIZE; c++) {
        const v = image[r * SIZE + c];
        if (v > 8 / 255) scene[(top + r) * size + left + c] = v;
      }
    }
  }

  function background(size) {
    const kind = element("clutter").value, next = lots(7);
    const scene = new Float32Array(size * size);
    if (kind === "noise") return scene.map(() => 0.5 * next());
    if (kind === "stripes") return scene.map((_, i) => 0.3 + 0.3 * Math.sin((i % size + Math.floor(i / size)) / 2));
    if (kind === "other garments") {
      const others = NET.labels.map((label, i) => i).filter((i) => NET.labels[i] !== NET.labels[garment]);
      for (let n = 0; n < Math.round((size / 40) ** 2); n++) {
        const i = others[Math.floor(next() * others.length)];
        paste(scene, size, Live.stored(i), ...[0, 0].map(() => Math.floor(next() * (size - SIZE + 1))));
      }
    }
    return scene;
  }

  // Bilinear between the middles of the receptive fields.
  function enlarged(map, rows, columns, size) {
    const at = (r, c) => map[Math.min(rows - 1, Math.max(0, r)) * columns + Math.min(columns - 1, Math.max(0, c))];
    const { start, step } = NET.field;
    return Float32Array.from({ length: size * size }, (_, i) => {
      const [r, c] = [Math.floor(i / size), i % size].map((p) => (p - start) / step);
      const [r0, c0] = [Math.floor(r), Math.floor(c)];
      const [fr, fc] = [r - r0, c - c0];
      return (1 - fr) * ((1 - fc) * at(r0, c0) + fc * at(r0, c0 + 1)) +
        fr * ((1 - fc) * at(r0 + 1, c0) + fc * at(r0 + 1, c0 + 1));
    });
  }

  // Top, left, bottom, right around the region of the highest point.
  function boxOf(map, size, threshold) {
    const high = map.reduce((a, b) => Math.max(a, b)), low = map.reduce((a, b) => Math.min(a, b));
    const limit = low + threshold * (high - low);
    const open = [map.indexOf(high)], seen = new Set(open);
    let box = [size, size, 0, 0];
    while (open.length) {
      const i = open.pop(), r = Math.floor(i / size), c = i % size;
      box = [Math.min(box[0], r), Math.min(box[1], c), Math.max(box[2], r + 1), Math.max(box[3], c + 1)];
      for (const [y, x] of [[r - 1, c], [r + 1, c], [r, c - 1], [r, c + 1]]) {
        const k = y * size + x;
        if (y < 0 || x < 0 || y >= size || x >= size || seen.has(k) || map[k] < limit) continue;
        seen.add(k);
        open.push(k);
      }
    }
    return box;
  }

  function trueBox(image, left, top) {
    const lit = [...image.keys()].filter((i) => image[i] > 8 / 255);
    const rows = lit.map((i) => Math.floor(i / SIZE)), columns = lit.map((i) => i % SIZE);
    return [top + Math.min(...rows), left + Math.min(...columns),
      top + Math.max(...rows) + 1, left + Math.max(...columns) + 1];
  }

  function overlap(a, b) {
    const area = ([t, l, u, r]) => Math.max(0, u - t) * Math.max(0, r - l);
    const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
    return both / (area(a) + area(b) - both);
  }

  function outline(context, [top, left, bottom, right], unit, dashed) {
    context.setLineDash(dashed ? [8, 6] : []);
    for (const [colour, width] of [["#000", 5], ["#ff0", 3]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(left * unit, top * unit, (right - left) * unit, (bottom - top) * unit);
    }
  }

  const look = Live.latest(async () => {
    const size = value("size"), [x, y] = [value("x"), value("y")];
    for (const id of ["x", "y", "threshold", "size"]) element(`${id}-out`).textContent = element(id).value;
    const image = Live.stored(garment), label = NET.labels[garment], name = NET.classes[label];
    const scene = background(size);
    paste(scene, size, image, x, y);
    const unit = 384 / size, truth = trueBox(image, x, y);
    outline(paint(element("scene"), scene, size, size, grey), truth, unit, true);
    const { maps, rows, columns } = await classMaps(scene, 1, size, size);
    const map = enlarged(maps[0][label], rows, columns, size);
    const most = map.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-6);
    // The picture in grey, orange where the map speaks for the class.
    const over = Array.from(map, (v, i) => {
      const share = Math.max(0, v / most), g = 90 + 120 * scene[i];
      return [g + share * (255 - g), g + share * (120 - g), g * (1 - share)];
    });
    const context = paint(element("map"), over, size, size, (rgb) => rgb);
    const box = boxOf(map, size, value("threshold"));
    outline(context, truth, unit, true);
    outline(context, box, unit, false);
    const iou = overlap(box, truth);
    const said = `${name} on ${size}×${size} pixels: IoU ${iou.toFixed(2)}. The box reaches from row ${box[0]} to ${box[2]} and from column ` +
      `${box[1]} to ${box[3]}, the garment from row ${truth[0]} to ${truth[2]} and from column ${truth[1]} to ${truth[3]}.`;
    element("live-status").textContent = said;
    element("map").setAttribute("aria-label", `The map of ${said}`);
  });

  function limit() {
    for (const id of ["x", "y"]) element(id).max = value("size") - SIZE;
    look();
  }
  element("size").addEventListener("input", limit);
  for (const id of ["x", "y", "threshold", "clutter"]) element(id).addEventListener("input", look);

  let grip = null;
  const canvas = element("scene");
  const pixel = (event) => place(canvas, event).map((v) => v * value("size") / 384);
  canvas.addEventListener("pointerdown", (event) => {
    const [px, py] = pixel(event), [x, y] = [value("x"), value("y")];
    const inside = px >= x && px < x + SIZE && py >= y && py < y + SIZE;
    grip = inside ? [px - x, py - y] : [SIZE / 2, SIZE / 2];
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  function move(event) {
    if (!grip) return;
    const [px, py] = pixel(event);
    element("x").value = Math.round(px - grip[0]);
    element("y").value = Math.round(py - grip[1]);
    look();
  }
  canvas.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => { grip = null; });
  }
  Live.garments(element("garments"), (i) => { garment = i; look(); })(18);
})();
