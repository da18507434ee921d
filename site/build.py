"""Build the book of the course: `make site`.

The pages here, the chapters with their stored outputs, the decks and the students' zip
become one folder, build/site, that opens from a disk as well as from a server. Nothing
is executed and nothing is loaded from a network.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

from d2l_nin.course.chapters import (
    drop_unanswered,
    find_chapters,
    find_solutions,
    for_reading,
)
from d2l_nin.course.folding import boxed, fold
from d2l_nin.course.slides import install_node_modules

ROOT = Path(__file__).parents[1]
SITE, BUILD = ROOT / "site", ROOT / "build"
SOURCE, OUT = BUILD / "site-source", BUILD / "site"
LINKS = BUILD / "site-links"  # what linkcheck writes
MATHJAX = ("MathJax.js", "LICENSE", "config/TeX-AMS_SVG.js", "jax/output/SVG",
           "jax/element/mml", "jax/input/TeX", "extensions")  # fmt: skip
# Of this folder, what Sphinx has no use for.
NOT_READ = ("build.py", "depth.py", "live_net.py", "see.py", "look.js", "judge.js",
            "require*", "npm", "__pycache__")  # fmt: skip
# Of a chapter: its live page, that page's title, and the heading that it belongs to.
LIVE = {
    "01": ("one_by_one", "1×1 convolution", "On a real picture"),
    "02": ("nin_looks", "What NiN sees", "Train it to 90%"),
    "03": ("where", "Where is it?", "What must the net have seen?"),
    "05": ("depth", "Residual or plain", "Do gradients vanish?"),
}


def terms() -> list[str]:
    """What the glossary explains, in its order."""
    text = (SITE / "glossary.md").read_text(encoding="utf-8")
    inside = text.split(":sorted:", 1)[1].split("```", 1)[0]
    lines = inside.splitlines()
    return [a for a, b in zip(lines, lines[1:]) if a and b.startswith("  ")]


def link_terms(text: str, left: set[str]) -> str:
    """The chapter's first bold use of each term, as a link to the glossary."""

    def link(match):
        term = match[1].lower()
        known = term if term in left else term.removesuffix("s")
        if known not in left:
            return match[0]
        left.discard(known)
        return f"**{{term}}`{match[1]} <{known}>`**"

    return re.sub(r"\*\*([^*\n]+)\*\*", link, text)


def link_live(notebook, page: str, title: str, heading: str) -> None:
    """A link to the live page below the text that a heading begins.

    Raises
    ------
    ValueError
        The chapter has no such heading.
    """
    for cell in notebook.cells:
        if f"## {heading}" in cell.source.splitlines():
            link = f"[{title}](../live/{page}.md), in your browser."
            cell.source += f"\n\n**Live:** {link}"
            return
    raise ValueError(f"{page}: no chapter has the heading '{heading}'; change LIVE")


def prepare(path: Path, deck: str = "") -> nbformat.NotebookNode:
    """A chapter as the book shows it.

    What answers a prediction is folded, terms lead to the glossary, and below the
    title stand the links to what belongs to the chapter.
    """
    notebook = for_reading(nbformat.read(path, as_version=4))
    fold(notebook)
    drop_unanswered(notebook)
    left = set(terms())
    for cell in notebook.cells:
        tags = cell.metadata.setdefault("tags", [])
        if cell.cell_type == "markdown":
            cell.source = link_terms(cell.source, left)
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            tags.append("hide-input")
    boxed(notebook)
    links = [f'<a href="{path.name}" download>notebook</a>']
    if path.stem[:2] in LIVE and "solutions" not in path.parts:
        page, title, heading = LIVE[path.stem[:2]]
        links.append(f'<a href="../live/{page}.html">live: {title}</a>')
        link_live(notebook, page, title, heading)
    if deck:
        links.append(f'<a href="../slides/{deck}/index.html">slides</a>')
    title, _, rest = notebook.cells[0].source.partition("\n")
    line = f"<p>{' · '.join(links)}</p>"
    notebook.cells[0].source = f"{title}\n\n{line}\n{rest}"
    return notebook


def write_source(solutions: bool) -> None:
    """All that Sphinx reads, in one folder."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(SITE, SOURCE, ignore=shutil.ignore_patterns(*NOT_READ))
    extra = SOURCE / "extra"
    (extra / "chapters").mkdir(parents=True)
    (SOURCE / "chapters").mkdir()
    modules = install_node_modules(BUILD / "node")
    for name in MATHJAX:
        source, target = modules / "mathjax" / name, SOURCE / "_static/mathjax" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target)
    from live_net import MAPS, write_live  # not where only `faults` is asked for

    live = SOURCE / "_static/live"
    write_live(install_node_modules(BUILD / "site-npm", SITE / "npm"), live)
    (live / MAPS).replace(BUILD / MAPS)  # for the tests
    shutil.copytree(BUILD / "slides", extra / "slides")
    shutil.copy(BUILD / "d2l-nin-students.zip", extra)
    shutil.copy(ROOT / "docs/nets.svg", SOURCE)
    write_chapters(SOURCE, solutions)


def write_chapters(source: Path, solutions: bool) -> None:
    """The chapters, and the solutions only if asked for, with their contents."""
    chapters, extra = source / "chapters", source / "extra" / "chapters"
    for path in find_chapters(ROOT / "notebooks"):
        deck = path.stem if (ROOT / "slides" / f"{path.stem}.md").exists() else ""
        nbformat.write(prepare(path, deck), chapters / path.name)
        shutil.copy(path, extra / path.name)
    if solutions:
        (chapters / "solutions").mkdir()
        for path in find_solutions(ROOT / "notebooks"):
            nbformat.write(prepare(path), chapters / "solutions" / path.name)
        listed = "\n```{toctree}\n:hidden:\n:caption: Solutions\n:glob:\n\n%s\n```\n"
        with (source / "index.md").open("a", encoding="utf-8") as index:
            index.write(listed % "chapters/solutions/*")


class _Page(HTMLParser):
    """What a page links to, which names it has, and its pictures without alt text."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.names, self.no_alt = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.names |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        if tag == "img" and not attrs.get("alt"):
            self.no_alt.append(str(attrs.get("src"))[:60])
        for key in ("href", "src"):
            if attrs.get(key) and not urlsplit(attrs[key]).scheme:
                self.links.append(attrs[key])


def faults(out: Path) -> list[str]:
    """Links of the site's own pages that lead nowhere, pictures without alt text."""
    pages = {
        path.resolve(): _Page(path.read_text(encoding="utf-8"))
        for path in out.rglob("*.html")
        if not {"slides", "_static"} & set(path.relative_to(out).parts)
    }
    found = []
    for path, page in pages.items():
        here = path.relative_to(out.resolve())
        found += [f"{here}: no alt text: {src}" for src in page.no_alt]
        for link in page.links:
            parts = urlsplit(link)
            target = (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path
            )
            if not target.exists():
                found.append(f"{here}: {link} leads nowhere")
            elif parts.fragment and target in pages:
                names = pages[target].names
                if not names & {parts.fragment, unquote(parts.fragment)}:
                    found.append(f"{here}: {link}: there is no such place")
    return sorted(set(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--solutions", action="store_true", help="solutions as well")
    parser.add_argument("--linkcheck", action="store_true", help="try outer links only")
    args = parser.parse_args()
    write_source(args.solutions)
    out, builder = (LINKS, "linkcheck") if args.linkcheck else (OUT, "html")
    shutil.rmtree(out, ignore_errors=True)
    command = ["-m", "sphinx", "-b", builder, "-W", "--keep-going", "-q", "-j", "2",
               "-d", str(SOURCE / ".doctrees"), str(SOURCE), str(out)]  # fmt: skip
    done = subprocess.run([sys.executable, *command])
    found = [] if args.linkcheck or done.returncode else faults(OUT)
    print("\n".join(found), file=sys.stderr)
    if done.returncode or found:
        sys.exit(1)
    if args.linkcheck:
        print(f"All links of {LINKS / 'output.txt'} are alive.")
        return
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{OUT / 'index.html'}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
