// Look at the book in Chromium, the network cut, from a disk and from a server.
// node look.js PLAYWRIGHT AXE CHROMIUM SITE; PICTURES names a folder for pictures.
// Prints JSON: faults (sentences), answered (milliseconds by live page), maps.
const [playwright, axe, executablePath, site] = process.argv.slice(2);
const fs = require("fs");
const http = require("http");
const path = require("path");
const { pathToFileURL } = require("url");
const { chromium } = require(playwright);
const judged = require("./judge.js");
const SIZES = [[1280, 800], [390, 844]];
const LIVE = ["one_by_one", "nin_looks", "where", "depth"].map((n) => `live/${n}.html`);
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
  ".svg": "image/svg+xml", ".woff2": "font/woff2", ".png": "image/png" };

function pages(folder = "") {
  return fs.readdirSync(path.join(site, folder), { withFileTypes: true }).flatMap((one) => {
    const name = path.join(folder, one.name);
    if (one.isDirectory()) return /^(_|slides$)/.test(one.name) ? [] : pages(name);
    return name.endsWith(".html") ? [name] : [];
  });
}

const server = http.createServer((request, response) => {
  const name = path.join(site, decodeURIComponent(new URL(request.url, "http://a").pathname));
  const found = fs.existsSync(name) && fs.statSync(name).isFile();
  // Chromium asks a server for an icon, whatever a page says.
  response.writeHead(found ? 200 : name.endsWith("favicon.ico") ? 204 : 404,
    { "content-type": KINDS[path.extname(name)] || "application/octet-stream" });
  response.end(found ? fs.readFileSync(name) : "");
});

const faults = [], answered = {};

async function opened(browser, base, [width, height], theme, use) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: theme, hasTouch: width < 500,
  });
  await context.route((url) => !/^(file|data|blob|about):/.test(url.href) &&
    url.hostname !== "127.0.0.1", (route) => route.abort());
  const page = await context.newPage();
  let name = "";
  const where = () => `${name} at ${width}×${height}, ${theme}, ${base.split(":")[0]}`;
  const tell = (text) => faults.push(`${where()}: ${text}`);
  page.on("console", (m) => m.type() === "error" && tell(m.text()));
  page.on("pageerror", (error) => tell(error.message));
  page.on("requestfailed", (r) => tell(`failed: ${r.url()}`));
  page.on("response", (r) => r.status() >= 400 && tell(`${r.status()}: ${r.url()}`));
  await use(page, async (next) => {
    name = next;
    await page.goto(`${base}/${next}`, { waitUntil: "load" });
    await page.evaluate(() => window.MathJax?.Hub &&
      new Promise((done) => window.MathJax.Hub.Queue(done)));
    if (LIVE.includes(next)) {
      await page.waitForSelector("body[data-answered]", { timeout: 15000 })
        .catch(() => tell("gives no answer"));
    }
    await page.evaluate(() => document.querySelectorAll("details[class^='course-']")
      .forEach((box) => { box.open = true; }));
    const wide = await page.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 1) tell(`wider than the screen by ${wide} px`);
  }, tell);
  await context.close();
}

// Each live page works by mouse, by touch and by keyboard: what `act` does is told in #id.
async function handled(page, open, tell) {
  const text = (id) => page.locator(`#${id}`).textContent();
  async function tells(words, id, act) {
    const before = await text(id);
    await act();
    await page.waitForFunction(([i, old]) => document.getElementById(i).textContent !== old,
      [id, before], { timeout: 5000 }).catch(() => tell(`nothing changes: ${words}`));
  }
  const press = (id, key) => async () => {
    await page.locator(`#${id}`).focus();
    await page.keyboard.press(key);
  };
  const tap = (selector, options) => () => page.locator(selector).tap(options);
  const drag = (id) => async () => {
    await page.locator(`#${id}`).scrollIntoViewIfNeeded();
    const { x, y, width, height } = await page.locator(`#${id}`).boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width / 4, y + height / 3, { steps: 3 });
    await page.mouse.up();
  };
  await open("live/one_by_one.html");
  await tells("a preset by touch", "equation", tap("#presets button:nth-of-type(2)"));
  if (!/0\.6·/.test(await text("equation"))) tell("the equation has not the weights of grey");
  await tells("a weight by keyboard", "equation",
    async () => { await page.locator("#sliders input").first().focus(); await page.keyboard.press("ArrowRight"); });
  await tells("the pixel by keyboard", "live-status", press("in", "ArrowUp"));
  await tells("the pixel by touch", "live-status", tap("#in", { position: { x: 20, y: 20 } }));
  await tells("the pixel by mouse", "live-status",
    () => page.locator("#in").click({ position: { x: 20, y: 180 } }));
  await open("live/nin_looks.html");
  await tells("the shift by keyboard", "dx-out", press("dx", "ArrowLeft"));
  await tells("a garment by touch", "live-status", tap("#garments button:nth-child(4)"));
  await tells("a position by touch", "live-status", tap("#maps div:first-child canvas", { position: { x: 9, y: 9 } }));
  await tells("a position by keyboard", "live-status", press("row", "ArrowDown"));
  await tells("a dot by keyboard", "bars", press("input", " "));
  await tells("a line by keyboard", "bars", press("input", "Shift+ArrowLeft"));
  await tells("clearing by keyboard", "bars", press("clear", "Enter"));
  await tells("drawing by mouse", "bars", drag("input"));
  await open("live/where.html");
  await tells("the garment by keyboard", "live-status", press("x", "ArrowRight"));
  await tells("the garment by mouse", "live-status", drag("scene"));
  await tells("the garment by touch", "live-status", tap("#scene", { position: { x: 250, y: 250 } }));
  await tells("the size by keyboard", "live-status", press("size", "ArrowRight"));
  await open("live/depth.html");
  await tells("the depth by keyboard", "live-status", press("depth", "ArrowRight"));
  await tells("the depth by touch", "live-status", tap("#depth", { position: { x: 120, y: 12 } }));
}

async function main() {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const bases = [pathToFileURL(site).href, `http://127.0.0.1:${server.address().port}`];
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const all = pages();
  const chapter = all.find((name) => /^chapters.02/.test(name));
  const some = ["index.html", chapter, ...LIVE];
  for (const size of SIZES) {
    await opened(browser, bases[0], size, "light", async (page, open, tell) => {
      for (const name of all) {
        await open(name);
        if (size === SIZES[0]) await judged(page, axe, tell);
      }
    });
    await opened(browser, bases[1], size, "light", async (page, open) => {
      for (const name of some) await open(name);
    });
  }
  let maps = null;
  for (const theme of ["light", "dark"]) {
    await opened(browser, bases[0], SIZES[0], theme, async (page, open, tell) => {
      for (const name of some) {
        await open(name);
        if (LIVE.includes(name)) {
          answered[name] = Number(await page.evaluate(() => document.body.dataset.answered));
        }
        if (process.env.PICTURES) {
          const shot = `${path.basename(name, ".html").slice(0, 12)}-${theme}.png`;
          await page.screenshot({ path: path.join(process.env.PICTURES, shot) });
        }
        await judged(page, axe, tell);
      }
      if (theme === "dark") return;
      await open("search.html?q=receptive+field");
      await page.waitForSelector("#search-results li a", { timeout: 15000 })
        .catch(() => tell("search finds no 'receptive field'"));
      await open("live/nin_looks.html");
      maps = await page.evaluate(async () => {
        const images = NET.labels.map((_, i) => Live.stored(i));
        const pixels = new Float32Array(images.length * Live.SIZE ** 2);
        images.forEach((image, i) => pixels.set(image, i * image.length));
        const made = await Live.classMaps(pixels, images.length, Live.SIZE, Live.SIZE);
        return made.maps.map((one) => one.map((map) => [...map]));
      });
    });
  }
  await opened(browser, bases[0], SIZES[1], "light", handled);
  if (process.env.PICTURES) {
    await opened(browser, bases[0], SIZES[1], "light", async (page, open) => {
      for (const name of some) {
        await open(name);
        const shot = `${path.basename(name, ".html").slice(0, 12)}-phone.png`;
        await page.screenshot({ path: path.join(process.env.PICTURES, shot), fullPage: LIVE.includes(name) });
      }
    });
  }
  await browser.close();
  server.close();
  console.log(JSON.stringify({ faults, answered, maps, pages: all.length }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
