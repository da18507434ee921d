"""Floor 3: slides made of the chapters, which open without a network."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jinja2 import Environment
from nbconvert import SlidesExporter
from traitlets.config import Config

__all__ = [
    "Deck",
    "ToolMissing",
    "build_deck",
    "deck_of",
    "find_chromium",
    "install_node_modules",
    "print_pdf",
    "vendor",
    "write_contents",
]

TEMPLATES = Path(__file__).parent.parent / "templates"
SLIDES = TEMPLATES / "slides"
MOST_SECONDS = 300  # for Chromium to print one deck
# What a deck loads, of all that npm installs.
_VENDORED = (
    "jquery/dist/jquery.min.js",
    "jquery/LICENSE.txt",
    "requirejs/require.js",
    "reveal.js/LICENSE",
    "reveal.js/dist/reveal.css",
    "reveal.js/dist/reveal.js",
    "reveal.js/plugin/notes/notes.js",
    "mathjax/LICENSE",
    "mathjax/MathJax.js",
    "mathjax/config/TeX-AMS_SVG.js",
    "mathjax/jax/element/mml/optable",
    "mathjax/jax/output/SVG/jax.js",
    "mathjax/jax/output/SVG/autoload",
    "mathjax/jax/output/SVG/fonts/TeX",
)


class ToolMissing(RuntimeError):
    """A program that slides need is missing or fails; says what to do."""


@dataclass
class Deck:
    """The slides of one chapter.

    Attributes
    ----------
    path : Path
        Its folder, with `index.html` in it.
    title : str
    num_slides : int
    minutes : int
        The sum of those in the speaker notes.
    """

    path: Path
    title: str
    num_slides: int
    minutes: int

    def is_built(self) -> bool:
        return (self.path / "index.html").exists()


def install_node_modules(folder: Path) -> Path:
    """What the lock names, installed by npm into `folder`; done once for each lock.

    Raises
    ------
    ToolMissing
        No Node or no npm, or npm could not install.
    """
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise ToolMissing(
                f"{program} is missing, which slides are built with. Install Node 18 "
                "or later with npm: apt-get install nodejs npm, or brew install node"
            )
    lock = (SLIDES / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()
    mark = folder / "installed"
    if mark.exists() and mark.read_text() == digest:
        return folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SLIDES / name, folder / name)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ToolMissing(
            f"npm could not install what the slides carry; the first build needs a "
            f"network:\n{done.stderr.strip()}"
        )
    mark.write_text(digest)
    return folder / "node_modules"


def vendor(node_modules: Path, assets: Path) -> None:
    """Copy what decks load into `assets`, with the course's theme."""
    for name in _VENDORED:
        source, target = node_modules / name, assets / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    theme = assets / "reveal.js/dist/theme/course.css"
    theme.parent.mkdir(exist_ok=True)
    shutil.copy(SLIDES / "course.css", theme)


def deck_of(path: Path, title: str, out: Path) -> Deck:
    """What the slides of the chapter at `path` are in `out`, built or not."""
    cells = nbformat.read(path, as_version=4).cells
    types = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in cells]
    minutes = 0
    for cell, kind in zip(cells, types):
        found = re.match(r"\*\*(\d+) min", cell.source)
        if kind == "notes" and found:
            minutes += int(found[1])
    num_slides = types.count("slide") + types.count("subslide")
    return Deck(out / path.stem, title, num_slides, minutes)


def build_deck(path: Path, title: str, out: Path) -> Deck:
    """Write the slides of the chapter at `path` into a folder of its name in `out`."""
    notebook = nbformat.read(path, as_version=4)
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(TEMPLATES)],
        reveal_url_prefix="../assets/reveal.js",
        reveal_theme="course",
        jquery_url="../assets/jquery/dist/jquery.min.js",
        require_js_url="../assets/requirejs/require.js",
        mathjax_url="../assets/mathjax/MathJax.js",
        config=Config(
            TagRemovePreprocessor={
                "enabled": True,
                "remove_input_tags": {"slide-output-only"},
                "remove_all_outputs_tags": {"slide-code-only"},
            }
        ),
    )
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    deck = deck_of(path, title, out)
    deck.path.mkdir(parents=True, exist_ok=True)
    (deck.path / "index.html").write_text(body, encoding="utf-8")
    return deck


def write_contents(decks: list[Deck], out: Path) -> None:
    """The page with titles, minutes and links to `decks`."""
    source = (SLIDES / "contents.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True).from_string(source).render(decks=decks)
    (out / "index.html").write_text(page, encoding="utf-8")


def find_chromium() -> str:
    """Where Chromium or Chrome is.

    Raises
    ------
    ToolMissing
        It isn't.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise ToolMissing(
        "Chromium is missing, which prints and tests the slides. Install it: "
        "apt-get install chromium, or brew install --cask chromium"
    )


def print_pdf(deck: Deck) -> Path:
    """Print a deck into its folder, one page a slide.

    Raises
    ------
    ToolMissing
        There is no Chromium, or it makes no PDF in time.
    """
    target = deck.path / "slides.pdf"
    target.unlink(missing_ok=True)
    page = (deck.path / "index.html").resolve().as_uri() + "?print-pdf"
    command = [
        find_chromium(), "--headless", "--no-sandbox", "--disable-gpu",
        "--no-pdf-header-footer", "--virtual-time-budget=20000",
        f"--print-to-pdf={target.resolve()}", page,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise ToolMissing(
            f"Chromium printed no PDF of {deck.path} within {MOST_SECONDS} s and was "
            "stopped. Try again, or print the deck from a browser: add ?print-pdf to "
            "its address."
        ) from None
    if not target.exists():
        raise ToolMissing(f"Chromium made no PDF:\n{done.stderr.strip()}")
    return target
