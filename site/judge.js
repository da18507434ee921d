// What axe-core finds serious or critical on a page, told sentence by sentence.
module.exports = async function judged(page, axe, tell) {
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(async () => (await axe.run(document, {
    resultTypes: ["violations"], preload: false, runOnly: ["wcag2a", "wcag2aa"],
  })).violations.map((v) => [v.impact, v.id, v.nodes.length, v.nodes[0].html.slice(0, 120),
    (v.nodes[0].any[0] || {}).message]));
  for (const [impact, id, count, html, why] of found) {
    if (["serious", "critical"].includes(impact)) tell(`axe: ${id}, ${count} times: ${html} ${why}`);
  }
};
