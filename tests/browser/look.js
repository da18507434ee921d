// Look at decks in Chromium without a network; print what is wrong as JSON.
// node look.js MODULES CHROMIUM DECK... ; PICTURES names a folder for pictures.
const [modules, executablePath, ...decks] = process.argv.slice(2);
const { chromium } = require(modules + "/playwright-core");
const SIZES = [[1280, 720], [1920, 1080]];

// Both run in the page. WCAG 2: (lighter + 0.05) / (darker + 0.05), AA asks for 4.5.
function contrast(colour, other) {
  const luminance = (text) => {
    const [r, g, b] = text.match(/[\d.]+/g).slice(0, 3).map((n) => {
      const c = n / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(colour), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

function behind(element) {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (!/^rgba\(.*, 0\)$|transparent/.test(colour)) return colour;
  }
  return "rgb(255, 255, 255)";
}

// Runs in the page, with one slide shown. Sizes are those of a 1280×720 slide.
function examine(number) {
  const found = [];
  const slide = Reveal.getCurrentSlide();
  const scale = Reveal.getScale();
  const frame = document.querySelector(".slides").getBoundingClientRect();
  // A deck that nobody sees would otherwise have no fault.
  if (Math.abs(scale - innerWidth / 1280) > 0.01 || frame.height < innerHeight - 2) {
    found.push(`slide ${number}: does not fill the screen (scale ${scale})`);
  }
  const notes = slide.querySelector("aside.notes");
  if (!notes || !/\d+ min\.[^]*Ask:/.test(notes.textContent)) {
    found.push(`slide ${number}: no notes with minutes and a question`);
  }
  for (const element of slide.querySelectorAll("*")) {
    if (element.closest("aside, svg")) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const out = Math.max(frame.left - box.left, frame.top - box.top,
                         box.right - frame.right, box.bottom - frame.bottom);
    if (out > 1) {
      const name = element.tagName;
      found.push(`slide ${number}: ${name} overflows by ${Math.round(out / scale)} px`);
      break;
    }
  }
  const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || parent.closest("aside, svg, script") || !parent.offsetWidth) continue;
    const least = parent.closest("pre, code") ? 18 : 24;
    const style = getComputedStyle(parent);
    const size = parseFloat(style.fontSize);
    if (contrast(style.color, behind(parent)) < 4.5) {
      found.push(`slide ${number}: '${text}' has too little contrast`);
    }
    if (size < least) found.push(`slide ${number}: '${text}' is ${size} px high`);
    if (/\$.+\$|\\[a-z]+\{/.test(text) && least === 24) {
      found.push(`slide ${number}: '${text}' is not typeset`);
    }
  }
  for (const image of slide.querySelectorAll("img")) {
    // nbconvert fills a missing one with "No description has been provided …".
    if ((image.alt || "").length < 20 || image.alt.startsWith("No description")) {
      found.push(`slide ${number}: image without alt`);
    }
    if (!image.naturalWidth) found.push(`slide ${number}: image does not load`);
    if (image.getBoundingClientRect().height / scale < 120) {
      found.push(`slide ${number}: image is too small`);
    }
  }
  if (slide.querySelector(".merror, [data-mjx-error], .MathJax_Error")) {
    found.push(`slide ${number}: a formula does not parse`);
  }
  return found;
}

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const result = {};
  for (const deck of decks) {
    const found = [];
    let numSlides = 0;
    for (const [width, height] of SIZES) {
      const context = await browser.newContext({ viewport: { width, height } });
      const page = await context.newPage();
      page.on("console", (m) => m.type() === "error" && found.push("console: " + m.text()));
      page.on("pageerror", (error) => found.push("error: " + error.message));
      page.on("requestfailed", (r) => found.push("failed: " + r.url()));
      await context.route(/^(?!file:|data:|blob:|about:)/, (route) => route.abort());
      await page.goto("file://" + deck);
      await page.waitForSelector("body[data-ready]", { timeout: 20000 });
      numSlides = await page.evaluate(() => Reveal.getTotalSlides());
      for (let i = 0; i < numSlides; i++) {
        if (i === 0) await page.addScriptTag({ content: `${contrast}\n${behind}` });
        await page.evaluate((i) => {
          Reveal.slide(i);
          Reveal.slide(i, 0, 100);
        }, i);
        const faults = await page.evaluate(examine, i + 1);
        found.push(...faults.map((fault) => `${width}×${height} ${fault}`));
        if (process.env.PICTURES && width === 1280) {
          const number = String(i + 1).padStart(2, "0");
          const chapter = deck.split("/").slice(-2)[0].slice(0, 2);
          const path = `${process.env.PICTURES}/${chapter}-${number}.png`;
          await page.screenshot({ path });
        }
      }
      if (width === 1280 && !process.env.PICTURES) {
        const [speaker] = await Promise.all([
          context.waitForEvent("page", { timeout: 5000 }),
          page.keyboard.press("s"),
        ]).catch(() => [null]);
        if (!speaker) found.push("no speaker view opens");
        else {
          await speaker.waitForFunction(
            () => /min\./.test(document.querySelector(".speaker-controls-notes")
              ?.textContent || "") && /\d/.test(
              document.querySelector(".speaker-controls-time")?.textContent || ""),
            null, { timeout: 8000 },
          ).catch(() => found.push("the speaker view shows no notes or no timer"));
        }
      }
      await context.close();
    }
    result[deck] = { numSlides, found };
  }
  await browser.close();
  console.log(JSON.stringify(result));
})();
