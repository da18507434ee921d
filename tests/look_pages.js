// Look at chapters as single pages in Chromium: axe-core in both colour schemes, with all
// boxes shut and open, and what would be cut off on paper.
// node look_pages.js PLAYWRIGHT AXE CHROMIUM FOLDER; prints JSON: faults (sentences), pdf.
const [playwright, axe, executablePath, folder] = process.argv.slice(2);
const fs = require("fs");
const path = require("path");
const { pathToFileURL } = require("url");
const { chromium } = require(playwright);
const judged = require("../site/judge.js");
const PAPER = 718; // pixels of CSS between the margins of A4

const open = (page) => page.evaluate(() =>
  document.querySelectorAll("details").forEach((box) => { box.open = true; }));

// Code, tables and pictures that reach over the paper's edge, and boxes that stay shut.
const cutOff = (page) => page.evaluate((width) => {
  const found = [];
  for (const one of document.querySelectorAll("pre, table, img, math")) {
    const box = one.getBoundingClientRect();
    const what = `${one.tagName} ${(one.textContent || one.alt || "").trim().slice(0, 60)}`;
    if (one.closest("nav") || getComputedStyle(one).display === "none") continue;
    if (!one.checkVisibility()) found.push(`stays shut: ${what}`);
    else if (box.right > width + 1 || one.scrollWidth > one.clientWidth + 1 && one.tagName === "PRE") {
      found.push(`is cut off: ${what}`);
    }
  }
  return found;
}, PAPER);

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const faults = [], pdf = {};
  for (const name of fs.readdirSync(folder).filter((one) => one.endsWith(".html"))) {
    const url = pathToFileURL(path.join(folder, name)).href;
    for (const colorScheme of ["light", "dark"]) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1366, height: 900 } });
      for (const boxes of ["shut", "open"]) {
        await page.goto(url);
        if (boxes === "open") await open(page);
        await judged(page, axe, (text) => faults.push(`${name}, ${colorScheme}, boxes ${boxes}: ${text}`));
      }
      await page.close();
    }
    const page = await browser.newPage({ viewport: { width: PAPER, height: 1000 } });
    await page.goto(url);
    await page.emulateMedia({ media: "print" });
    faults.push(...(await cutOff(page)).map((text) => `${name} on paper: ${text}`));
    const data = await page.pdf({ format: "A4" });
    pdf[name] = (data.toString("latin1").match(/\/Type\s*\/Page\b/g) || []).length;
    if (process.env.PICTURES) {
      await page.screenshot({ path: path.join(process.env.PICTURES, `${name}-paper.png`), fullPage: true });
    }
    await page.close();
  }
  await browser.close();
  console.log(JSON.stringify({ faults, pdf }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
