// What the theme leaves out for those who don't use a mouse.
window.addEventListener("load", () => {
  // The arrows that fold the contents have no name.
  for (const summary of document.querySelectorAll("nav summary")) {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
  }
  // A list's items lie within paragraphs, which a list of roles may not.
  document.querySelectorAll(".citation-list").forEach((one) => one.removeAttribute("role"));
  // A formula that is wider than the screen is scrolled by keyboard, too.
  window.MathJax?.Hub?.Queue(() => {
    for (const formula of document.querySelectorAll("div.math")) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
    }
  });
});
