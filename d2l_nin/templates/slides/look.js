// Look at decks in Chromium without a network; print what is wrong as JSON: for each
// deck, pairs of a slide's number (0: all of them) and a sentence.
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
function examine() {
  const found = [];
  const slide = Reveal.getCurrentSlide();
  const scale = Reveal.getScale();
  const frame = document.querySelector(".slides").getBoundingClientRect();
  // A deck that nobody sees would otherwise have no fault.
  if (Math.abs(scale - innerWidth / 1280) > 0.01 || frame.height < innerHeight - 2) {
    found.push(`does not fill the screen (scale ${scale})`);
  }
  const notes = slide.querySelector("aside.notes");
  if (!notes || !/\d+ min\.[^]*Ask:/.test(notes.textContent)) {
    found.push("no notes with minutes and a question ('Ask:')");
  }
  // Each thing stays within its part of the frame: title, body, footer.
  for (const part of slide.querySelectorAll("h1, h2, .body, footer")) {
    const box = part.getBoundingClientRect();
    const range = document.createRange();
    const inside = [...part.querySelectorAll("*")].filter((e) => !e.closest("svg"));
    range.selectNodeContents(part);
    for (const element of inside.length ? inside : [range]) {
      const own = element.getBoundingClientRect();
      if (!own.width || !own.height) continue;
      const out = Math.max(box.left - own.left, box.top - own.top,
                           own.right - box.right, own.bottom - box.bottom);
      const cut = element.scrollWidth - element.clientWidth;
      if (out > 2 * scale || (element.matches?.("p, li, td, th, pre, code") && cut > 1)) {
        const most = Math.round(Math.max(out / scale, cut || 0));
        found.push(`${element.tagName || part.tagName} overflows by ${most} px`);
        break;
      }
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
      found.push(`'${text}' has too little contrast`);
    }
    if (size < least) found.push(`'${text}' is ${size} px high`);
    if (/\$.+\$|\\[a-z]+\{/.test(text) && least === 24) {
      found.push(`'${text}' is not typeset`);
    }
  }
  for (const image of slide.querySelectorAll("img")) {
    // nbconvert fills a missing one with "No description has been provided …".
    if ((image.alt || "").length < 20 || image.alt.startsWith("No description")) {
      found.push(`image without alt`);
    }
    if (!image.naturalWidth) found.push(`image does not load`);
    if (image.getBoundingClientRect().height / scale < 120) {
      found.push(`image is too small`);
    }
  }
  if (slide.querySelector(".merror, [data-mjx-error], .MathJax_Error")) {
    found.push(`a formula does not parse`);
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
      page.on("console", (m) => m.type() === "error" &&
        found.push([0, "console: " + m.text()]));
      page.on("pageerror", (error) => found.push([0, "error: " + error.message]));
      page.on("requestfailed", (r) => found.push([0, "failed: " + r.url()]));
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
        const faults = await page.evaluate(examine);
        found.push(...faults.map((fault) => [i + 1, `${fault} at ${width}×${height}`]));
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
        if (!speaker) found.push([0, "no speaker view opens"]);
        else {
          await speaker.waitForFunction(
            () => /min\./.test(document.querySelector(".speaker-controls-notes")
              ?.textContent || "") && /\d/.test(
              document.querySelector(".speaker-controls-time")?.textContent || ""),
            null, { timeout: 8000 },
          ).catch(() => found.push([0, "the speaker view shows no notes or no timer"]));
        }
      }
      await context.close();
    }
    result[deck] = { numSlides, found };
  }
  await browser.close();
  console.log(JSON.stringify(result));
})();
