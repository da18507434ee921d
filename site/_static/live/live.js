// What the live pages share: the net in TensorFlow.js, canvases, controls.
const Live = (() => {
  // A loop: Uint8Array.from takes ten times as long.
  function bytes(text) {
    const plain = atob(text), made = new Uint8Array(plain.length);
    for (let i = 0; i < plain.length; i++) made[i] = plain.charCodeAt(i);
    return made;
  }
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const element = (id) => document.getElementById(id);
  let starting = null;

  async function start() {
    const url = "data:application/wasm;base64," + WASM;
    const names = ["", "-simd", "-threaded-simd"];
    tf.wasm.setWasmPaths(Object.fromEntries(
      names.map((name) => [`tfjs-backend-wasm${name}.wasm`, url])));
    await tf.setBackend("wasm");
    await tf.ready();
    for (const layer of NET.layers) {
      if (layer.op !== "conv") continue;
      layer.W = tf.keep(tf.tensor4d(floats(layer.weights), layer.shape));
      layer.b = tf.keep(tf.tensor1d(floats(layer.bias)));
    }
  }

  // Gluon's max pooling rounded up: the last patch may reach over the edge.
  function pool(x, { size, stride, ceil }) {
    const over = x.shape.slice(1, 3).map((n) => {
      const steps = (n - size) / stride;
      return Math.max(0, (ceil ? Math.ceil(steps) : Math.floor(steps)) * stride + size - n);
    });
    const padded = tf.pad(x, [[0, 0], [0, over[0]], [0, over[1]], [0, 0]], -1e30);
    return tf.maxPool(padded, size, stride, "valid");
  }

  function step(x, layer) {
    if (layer.op === "relu") return tf.relu(x);
    if (layer.op === "pool") return pool(x, layer);
    const p = [layer.pad, layer.pad];
    return tf.add(tf.conv2d(x, layer.W, layer.stride, [[0, 0], p, p, [0, 0]]), layer.b);
  }

  // From n images of numbers from 0 to 1 to their class maps: maps[i][class][position].
  async function classMaps(pixels, n, height, width) {
    await (starting ||= start());
    const made = tf.tidy(() => {
      const x = tf.tensor4d(pixels, [n, height, width, 1]);
      return tf.transpose(NET.layers.reduce(step, x), [0, 3, 1, 2]);
    });
    const [, classes, rows, columns] = made.shape;
    const data = await made.data();
    made.dispose();
    const area = rows * columns;
    const maps = Array.from({ length: n }, (_, i) =>
      Array.from({ length: classes }, (_, k) =>
        data.slice((i * classes + k) * area, (i * classes + k + 1) * area)));
    return { maps, rows, columns };
  }

  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  function softmax(scores) {
    const high = Math.max(...scores);
    const powers = scores.map((s) => Math.exp(s - high));
    const total = powers.reduce((a, b) => a + b, 0);
    return powers.map((p) => p / total);
  }

  const SIZE = 28;
  let images = null;
  function stored(i) {
    images ||= bytes(NET.images);
    const from = images.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE);
    return Float32Array.from(from, (value) => value / 255);
  }

  // With a true minus sign.
  const number = (value, digits) => value.toFixed(digits).replace("-", "−");

  // Draw values as squares; colour is a function from a value to [r, g, b].
  function paint(canvas, values, rows, columns, colour) {
    const small = document.createElement("canvas");
    [small.width, small.height] = [columns, rows];
    const context = small.getContext("2d");
    const image = context.createImageData(columns, rows);
    values.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
    context.putImageData(image, 0, 0);
    const target = canvas.getContext("2d");
    target.imageSmoothingEnabled = false;
    target.drawImage(small, 0, 0, canvas.width, canvas.height);
    return target;
  }
  const grey = (value) => [255 * value, 255 * value, 255 * value];
  // White at 0, orange above, blue below; `most` has the full colour.
  const signed = (most) => (value) => {
    const t = Math.min(1, Math.abs(value) / (most || 1));
    const end = value > 0 ? [213, 94, 0] : [0, 90, 160];
    return end.map((c) => 255 + t * (c - 255));
  };

  // An image moved by (dx, dy) pixels and scaled about its middle, bilinear.
  function moved(image, dx, dy, scale) {
    const at = (r, c) => (r < 0 || c < 0 || r >= SIZE || c >= SIZE ? 0 : image[r * SIZE + c]);
    const middle = (SIZE - 1) / 2;
    return Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
      const r = (Math.floor(i / SIZE) - dy - middle) / scale + middle;
      const c = ((i % SIZE) - dx - middle) / scale + middle;
      const [r0, c0] = [Math.floor(r), Math.floor(c)];
      const [fr, fc] = [r - r0, c - c0];
      return (1 - fr) * ((1 - fc) * at(r0, c0) + fc * at(r0, c0 + 1)) +
        fr * ((1 - fc) * at(r0 + 1, c0) + fc * at(r0 + 1, c0 + 1));
    });
  }

  // The stored garments as buttons with pictures; `choose` gets the number of one.
  function garments(box, choose) {
    const buttons = NET.labels.map((label, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-label", `${NET.classes[label]} ${1 + i % 2}`);
      button.title = NET.classes[label];
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = SIZE;
      paint(canvas, stored(i), SIZE, SIZE, grey);
      button.append(canvas);
      button.addEventListener("click", () => press(i));
      box.append(button);
      return button;
    });
    function press(i) {
      buttons.forEach((b, k) => b.setAttribute("aria-pressed", String(k === i)));
      if (i !== null) choose(i);
    }
    return press;
  }

  // Where a pointer is, in the canvas's own pixels.
  function place(canvas, event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * canvas.width / box.width,
      (event.clientY - box.top) * canvas.height / box.height];
  }

  // Calls of `compute` never overlap; after one, the latest wish is computed.
  function latest(compute) {
    let busy = false, again = false;
    return async function run() {
      if (busy) { again = true; return; }
      busy = true;
      try {
        do { again = false; await compute(); } while (again);
        answered();
      } catch (error) {
        element("live-status").textContent =
          `This browser could not run the net: ${error.message}`;
        throw error;
      } finally { busy = false; }
    };
  }

  // The tests wait for this mark; it holds the milliseconds since the page began.
  function answered() {
    document.body.dataset.answered ||= String(Math.round(performance.now()));
  }

  // What an arrow key adds to (x, y).
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  return { SIZE, STEPS, answered, classMaps, element, garments, grey, latest, mean, moved,
    number, paint, place, signed, softmax, stored };
})();
