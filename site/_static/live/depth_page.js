// Signal and gradient by block, plain and residual, from stored numbers.
(() => {
  const { element } = Live;
  const HEIGHT = 280, LEFT = 64, TOP = 32, BOTTOM = 40;
  const COLOURS = { residual: "#005aa0", plain: "#b34700" };
  const TITLES = { signal: "Signal: standard deviation of the block's output",
    gradient: "Gradient: norm of the loss's gradient at the block's output" };

  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const short = (v) => (v >= 0.0001 && v < 1e5 ? String(Number(v.toPrecision(2))) : v.toExponential(0));

  function bands(kind, what) {
    const runs = DEPTH.runs[`${kind} ${DEPTH.depths[element("depth").value]}`][element("when").value];
    return runs[0][what].map((_, i) => {
      const values = runs.map((run) => run[what][i]);
      return { low: Math.min(...values), middle: median(values), high: Math.max(...values) };
    });
  }

  function chart(what) {
    const width = Math.max(300, Math.min(640, element("charts").clientWidth));
    const lines = Object.keys(COLOURS).map((kind) => [kind, bands(kind, what)]);
    const all = lines.flatMap(([, band]) => band.flatMap(({ low, high }) => [low, high])).filter((v) => v > 0);
    const first = Math.floor(Math.log10(Math.min(...all))), last = Math.ceil(Math.log10(Math.max(...all)));
    const count = lines[0][1].length;
    const x = (i) => LEFT + (width - LEFT - 16) * i / (count - 1);
    const y = (v) => TOP + (HEIGHT - BOTTOM - TOP) * (last - Math.log10(Math.max(v, 1e-12))) / (last - first || 1);
    let inside = "";
    for (let p = first; p <= last; p++) {
      inside += `<line x1="${LEFT}" x2="${width - 16}" y1="${y(10 ** p)}" y2="${y(10 ** p)}" stroke="#bbb"/>` +
        `<text x="${LEFT - 6}" y="${y(10 ** p) + 5}" text-anchor="end">${short(10 ** p)}</text>`;
    }
    for (let i = 0; i < count; i += Math.ceil(count / 9)) {
      inside += `<text x="${x(i)}" y="${HEIGHT - 20}" text-anchor="middle">${i + 1}</text>`;
    }
    for (const [kind, band] of lines) {
      const points = (key) => band.map((one, i) => `${x(i)},${y(one[key])}`);
      inside += `<polygon points="${[...points("high"), ...points("low").reverse()].join(" ")}" fill="${COLOURS[kind]}" opacity=".2"/>` +
        `<polyline points="${points("middle").join(" ")}" fill="none" stroke="${COLOURS[kind]}" stroke-width="2.5" ${kind === "plain" ? 'stroke-dasharray="7 4"' : ""}/>`;
    }
    const said = lines.map(([kind, band]) =>
      `${kind}: ${short(band[0].middle)} after the first block, ${short(band[count - 1].middle)} after the last`).join("; ");
    return [said, `<h3>${TITLES[what]}</h3><svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${TITLES[what]}, ${said}" ` +
      `style="background:#fff;width:100%;max-width:${width}px;font:14px sans-serif">${inside}` +
      `<text x="${width / 2}" y="${HEIGHT - 4}" text-anchor="middle">block</text>` +
      `<text x="${LEFT + 10}" y="20" fill="${COLOURS.residual}">residual (solid)</text>` +
      `<text x="${LEFT + 140}" y="20" fill="${COLOURS.plain}">plain (dashed)</text></svg>`];
  }

  function show() {
    const layers = DEPTH.depths[element("depth").value];
    element("depth-out").textContent = layers;
    element("depth").setAttribute("aria-valuetext", `${layers} layers`);
    const made = ["signal", "gradient"].map(chart);
    element("charts").innerHTML = made.map(([, html]) => html).join("");
    element("live-status").textContent = `${element("when").value === "start" ? "Medians" : "One seed"}. Signal: ${made[0][0]}. Gradient: ${made[1][0]}.`;
  }
  element("depth").max = DEPTH.depths.length - 1;
  for (const id of ["depth", "when"]) element(id).addEventListener("input", show);
  window.addEventListener("resize", show);
  show();
  Live.answered();
})();
