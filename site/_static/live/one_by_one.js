// A 1×1 convolution from three channels to three: nine sliders.
(() => {
  const { STEPS, element, number, paint, place, answered } = Live;
  const WIDTH = 96, HEIGHT = 64, NAMES = ["red", "green", "blue"];
  const PRESETS = {
    "As it is": [1, 0, 0, 0, 1, 0, 0, 0, 1],
    Grey: [0.3, 0.6, 0.1, 0.3, 0.6, 0.1, 0.3, 0.6, 0.1],
    Vivid: [1.8, -0.6, -0.2, -0.3, 1.5, -0.2, -0.3, -0.6, 1.9],
    "One channel": [1, 0, 0, 0, 0, 0, 0, 0, 0],
    Swap: [0, 0, 1, 0, 1, 0, 1, 0, 0],
  };

  function landscape(r, c) {
    if ((r - 14) ** 2 + (c - 78) ** 2 < 64) return [1, 0.85, 0.2];
    if (r >= 34 && r < 52 && c >= 22 && c < 52) {
      if (r >= 41 && c >= 33 && c < 41) return [0.15, 0.25, 0.75];
      return [0.8, 0.25, 0.2];
    }
    if (r >= 20 && r < 34 && Math.abs(c - 36.5) < (r - 18) * 1.25) return [0.45, 0.3, 0.25];
    if (r > 44 + 4 * Math.sin(c / 14)) return [0.3, 0.55 + r / 400, 0.2];
    return [0.45 + r / 150, 0.65 + r / 220, 0.95];
  }
  const pixels = Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
    landscape(Math.floor(i / WIDTH), i % WIDTH));
  const bytes = (rgb) => rgb.map((v) => 255 * Math.min(1, Math.max(0, v)));
  let weights = [...PRESETS["As it is"]], chosen = 45 * WIDTH + 28;

  const sliders = weights.map((_, i) => {
    const row = Math.floor(i / 3);
    if (i % 3 === 0) {
      const group = document.createElement("fieldset");
      group.innerHTML = `<legend>${NAMES[row]} of the output</legend>`;
      element("sliders").append(group);
    }
    const label = document.createElement("label");
    label.innerHTML = `<input type="range" min="-2" max="2" step="0.1"> <output></output> · ${NAMES[i % 3]}`;
    element("sliders").lastChild.append(label);
    const input = label.firstChild;
    input.setAttribute("aria-label", `weight from ${NAMES[i % 3]} to ${NAMES[row]}`);
    input.addEventListener("input", () => {
      weights[i] = Number(input.value);
      show();
    });
    return input;
  });
  const buttons = Object.entries(PRESETS).map(([name, values]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      weights = [...values];
      show();
    });
    element("presets").append(button, " ");
    return [button, values];
  });
  element("in").addEventListener("click", (event) => {
    const [x, y] = place(element("in"), event);
    chosen = Math.min(HEIGHT - 1, Math.floor(y / 3)) * WIDTH + Math.min(WIDTH - 1, Math.floor(x / 3));
    show();
  });

  element("in").addEventListener("keydown", (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const [right, down] = STEPS[event.key];
    const row = Math.floor(chosen / WIDTH) + 2 * down, column = chosen % WIDTH + 2 * right;
    chosen = Math.min(HEIGHT - 1, Math.max(0, row)) * WIDTH + Math.min(WIDTH - 1, Math.max(0, column));
    show();
  });

  const weight = (v) => number(v, 1).padStart(4);
  function show() {
    const mix = (rgb) => [0, 3, 6].map((k) =>
      weights[k] * rgb[0] + weights[k + 1] * rgb[1] + weights[k + 2] * rgb[2]);
    const context = paint(element("in"), pixels, HEIGHT, WIDTH, bytes);
    context.strokeRect(3 * (chosen % WIDTH) - 2, 3 * Math.floor(chosen / WIDTH) - 2, 7, 7);
    paint(element("out"), pixels.map(mix), HEIGHT, WIDTH, bytes);
    const made = mix(pixels[chosen]);
    element("equation").textContent = NAMES.map((name, k) => {
      const terms = NAMES.map((_, j) =>
        `${weight(weights[3 * k + j])}·${pixels[chosen][j].toFixed(2)}`).join(" +");
      return `${name.padEnd(5)} =${terms} = ${number(made[k], 2)}`;
    }).join("\n");
    sliders.forEach((slider, i) => {
      slider.value = weights[i];
      slider.nextElementSibling.textContent = number(weights[i], 1);
    });
    for (const [button, values] of buttons) {
      button.setAttribute("aria-pressed", String(values.every((v, i) => v === weights[i])));
    }
    const at = `row ${Math.floor(chosen / WIDTH) + 1}, column ${chosen % WIDTH + 1}`;
    element("live-status").textContent = `The chosen pixel, ${at}: ${pixels[chosen].map((v) =>
      v.toFixed(2)).join(", ")} becomes ${made.map((v) => number(v, 2)).join(", ")}.`;
  }
  show();
  answered();
})();
