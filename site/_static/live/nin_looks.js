// Ten class maps of one image, what they add up to, and what one position sees.
(() => {
  const { SIZE, STEPS, element, number, paint, place, grey, signed, mean, softmax, classMaps } = Live;
  const PATCH = 4, ACROSS = SIZE / PATCH;
  let base = Live.stored(0), image = base, made = null;

  const shown = NET.classes.map((name, k) => {
    const box = document.createElement("div");
    box.innerHTML = `<canvas width="90" height="90" role="img"></canvas><div>${name}</div>`;
    const canvas = box.firstChild;
    canvas.addEventListener("click", (event) => {
      const [x, y] = place(canvas, event);
      element("class").value = k;
      element("row").value = Math.min(made.rows - 1, Math.floor(y / 90 * made.rows));
      element("column").value = Math.min(made.columns - 1, Math.floor(x / 90 * made.columns));
      look();
    });
    element("maps").append(box);
    element("class").add(new Option(name, k));
    const row = element("bars").insertRow();
    row.innerHTML = `<th scope="row">${name}</th><td></td><td class="bar"><span></span></td><td></td>`;
    return { canvas, row };
  });
  for (const id of ["row", "column"]) {
    for (let k = 0; k < 3; k++) element(id).add(new Option(k + 1, k));
    element(id).value = 1;
  }

  const choose = Live.garments(element("garments"), (i) => {
    base = Live.stored(i);
    element("class").value = NET.labels[i];
    look();
  });

  // Draw with a finger, a pen or a mouse, or with the arrow keys and the space bar.
  let drawing = false, pen = [SIZE / 2, SIZE / 2];
  const at = (event) => place(element("input"), event).map((v) => v / 10 - 0.5);
  function begin() {  // what is drawn is added to what is seen
    base = image;
    back();
    choose(null);
  }
  function dot([x, y]) {
    base = base.map((value, i) => {
      const d = Math.hypot(Math.floor(i / SIZE) - y, (i % SIZE) - x);
      return Math.max(value, Math.min(1, Math.max(0, 1.8 - d)));
    });
    look();
  }
  const canvas = element("input");
  canvas.addEventListener("pointerdown", (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    begin();
    dot(at(event));
  });
  canvas.addEventListener("pointermove", (event) => drawing && dot(at(event)));
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, () => { drawing = false; look(); });
  }
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    if (step) pen = pen.map((v, i) => Math.min(SIZE - 1, Math.max(0, v + step[i])));
    if (!step || event.shiftKey) {
      begin();
      dot(pen);
    } else look();
  });
  canvas.addEventListener("focus", () => look());
  canvas.addEventListener("blur", () => look());
  element("clear").addEventListener("click", () => {
    base = new Float32Array(SIZE * SIZE);
    choose(null);
    back();
    look();
  });

  function back() {
    element("dx").value = element("dy").value = 0;
    element("scale").value = 1;
  }
  element("reset").addEventListener("click", () => { back(); look(); });
  for (const id of ["dx", "dy", "scale", "class", "row", "column"]) {
    element(id).addEventListener("input", () => look());
  }

  function showMaps() {
    const maps = made.maps[0];
    const most = Math.max(...maps.map((map) => Math.max(...map.map(Math.abs))));
    const scores = maps.map(mean), shares = softmax(scores);
    const widest = Math.max(...scores.map(Math.abs));
    const best = scores.indexOf(Math.max(...scores));
    shown.forEach(({ canvas, row }, k) => {
      paint(canvas, maps[k], made.rows, made.columns, signed(most));
      canvas.setAttribute("aria-label", `Map of ${NET.classes[k]}, row by row: ` +
        [...maps[k]].map((v) => number(v, 1)).join(", "));
      row.className = k === best ? "best" : "";
      row.cells[1].textContent = number(scores[k], 2);
      row.cells[2].firstChild.style.width = `${100 * Math.max(0, scores[k]) / widest}%`;
      row.cells[3].textContent = `${(100 * shares[k]).toFixed(1)}%`;
    });
    return { best, share: shares[best] };
  }

  // How much one position changes when a square of the input becomes black.
  async function whatMatters(k, at) {
    const copies = new Float32Array(ACROSS * ACROSS * SIZE * SIZE);
    for (let p = 0; p < ACROSS * ACROSS; p++) {
      copies.set(image, p * SIZE * SIZE);
      const [top, left] = [Math.floor(p / ACROSS) * PATCH, (p % ACROSS) * PATCH];
      for (let r = top; r < top + PATCH; r++) {
        copies.fill(0, p * SIZE * SIZE + r * SIZE + left, p * SIZE * SIZE + r * SIZE + left + PATCH);
      }
    }
    const { maps } = await classMaps(copies, ACROSS * ACROSS, SIZE, SIZE);
    return maps.map((map) => Math.abs(map[k][at] - made.maps[0][k][at]));
  }

  const look = Live.latest(async () => {
    const [dx, dy, scale] = ["dx", "dy", "scale"].map((id) => Number(element(id).value));
    element("dx-out").textContent = number(dx, 0);
    element("dy-out").textContent = number(dy, 0);
    element("scale-out").textContent = scale.toFixed(1);
    image = Live.moved(base, dx, dy, scale);
    made = await classMaps(image, 1, SIZE, SIZE);
    const { best, share } = showMaps();
    const [k, row, column] = ["class", "row", "column"].map((id) => Number(element(id).value));
    Live.answered();
    const changes = drawing ? [] : await whatMatters(k, row * made.columns + column);
    const context = paint(canvas, image, SIZE, SIZE, grey);
    const most = Math.max(...changes, 1e-6);
    changes.forEach((change, p) => {
      context.fillStyle = `rgba(0, 200, 120, ${0.6 * change / most})`;
      context.fillRect((p % ACROSS) * 40, Math.floor(p / ACROSS) * 40, 40, 40);
    });
    const { size, step, start } = NET.field;
    const [top, left] = [row, column].map((at) => Math.max(0, start + at * step - (size - 1) / 2));
    const [bottom, right] = [row, column].map((at) =>
      Math.min(SIZE, start + at * step + (size + 1) / 2));
    context.strokeStyle = "#e60";
    context.lineWidth = 4;
    context.strokeRect(10 * left + 2, 10 * top + 2, 10 * (right - left) - 4, 10 * (bottom - top) - 4);
    if (document.activeElement === canvas) {  // where the pen is
      context.strokeStyle = "#06c";
      context.strokeRect(10 * pen[0] - 2, 10 * pen[1] - 2, 14, 14);
    }
    const frame = shown[k].canvas.getContext("2d"), cell = 90 / made.rows;
    frame.lineWidth = 3;
    frame.strokeRect(column * cell + 2, row * cell + 2, cell - 4, cell - 4);
    element("live-status").textContent =
      `The net says ${NET.classes[best]}, ${(100 * share).toFixed(1)}%. Row ${row + 1}, column ` +
      `${column + 1} of the map of ${NET.classes[k]} is ${number(made.maps[0][k][row * made.columns + column], 2)}; ` +
      `its receptive field is ${size}×${size} pixels, of which ${Math.ceil(bottom - top)}×${Math.ceil(right - left)} lie in the image.`;
  });
  choose(18);
})();
