// What JupyterLab shows of the first folded output of a notebook before and after a run.
// node look_lab.js PLAYWRIGHT CHROMIUM URL [FOLDER for pictures]
// Prints JSON: folded (whether nothing of it is seen before), shown (what a run shows, and
// how many outputs of the cell are still folded), changed (whether the notebook was marked
// as changed once its kernel was ready).
const [playwright, executablePath, url, folder] = process.argv.slice(2);
const path = require("path");
const { chromium } = require(playwright);

async function main() {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const picture = async (name) =>
    folder && (await page.screenshot({ path: path.join(folder, `${name}.png`) }));
  const idle = () =>
    page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]',
      { timeout: 120000, state: "attached" });
  page.setDefaultTimeout(10000);
  await page.goto(url, { timeout: 60000 });
  const place = page.locator(".jp-Notebook .jp-CodeCell .jp-OutputPlaceholder").first();
  await place.waitFor({ timeout: 60000 });
  await idle();
  await page.waitForTimeout(2000);
  const changed = (await page.locator(".lm-TabBar-tab.jp-mod-dirty").count()) > 0;
  const cell = page.locator(".jp-Notebook .jp-CodeCell:has(.jp-OutputPlaceholder)").first();
  const index = await cell.getAttribute("data-windowed-list-index");
  await place.scrollIntoViewIfNeeded();
  const folded = await cell.locator(".jp-OutputArea-output:visible").count() === 0;
  await picture("folded");
  await cell.locator(".jp-InputPrompt, .jp-InputPlaceholder").first().click();
  await page.getByText("Run", { exact: true }).first().click();
  await page.getByText("Run All Above Selected Cell").click();
  await page.waitForTimeout(1000);
  await idle();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Enter");
  await page.waitForTimeout(1000);
  await idle();
  const same = page.locator(`.jp-CodeCell[data-windowed-list-index="${index}"]`);
  const shown = {
    text: await same.locator(".jp-OutputArea-output").allInnerTexts(),
    still: await same.locator(".jp-OutputPlaceholder:visible").count(),
  };
  await picture("shown");
  await browser.close();
  console.log(JSON.stringify({ folded, shown, changed }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
