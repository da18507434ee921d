"""Decks made into folders that open without a network, and looked at by Chromium."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jinja2 import Environment
from nbconvert import SlidesExporter
from traitlets.config import Config

from d2l_nin.course.deck import Script, read_deck
from d2l_nin.course.deck_cells import as_notebook

__all__ = [
    "Deck",
    "ToolMissing",
    "build_deck",
    "find_chromium",
    "find_decks",
    "has_chromium",
    "install_node_modules",
    "look_at",
    "print_pdf",
    "vendor",
    "write_contents",
]

TEMPLATES = Path(__file__).parent.parent / "templates"
SLIDES = TEMPLATES / "slides"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MOST_SECONDS = 300  # for Chromium to print one deck
# What a deck loads, of all that npm installs.
_VENDORED = (
    "jquery/dist/jquery.min.js",
    "jquery/LICENSE.txt",
    "requirejs/require.js",
    "reveal.js/LICENSE",
    "reveal.js/dist/reveal.css",
    "reveal.js/dist/reveal.js",
    "reveal.js/plugin/highlight/highlight.js",
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
    """A deck that was built, or can be.

    Attributes
    ----------
    script : Script
    path : Path
        Its folder, with `index.html` in it.
    """

    script: Script
    path: Path

    @property
    def title(self) -> str:
        return self.script.title

    @property
    def num_slides(self) -> int:
        return len(self.script.slides)

    @property
    def minutes(self) -> int:
        return self.script.minutes

    def is_built(self) -> bool:
        return (self.path / "index.html").exists()


def find_decks(folder: Path, out: Path, wanted: str = "") -> list[Deck]:
    """The decks in the order of their chapters, or those that begin with `wanted`.

    Raises
    ------
    FileNotFoundError
        There is none.
    DeckError
        A deck can't be read.
    """
    paths = sorted(folder.glob("[0-9][0-9]_*.md"))
    chosen = [path for path in paths if path.name.startswith(wanted)]
    if not chosen:
        there = ", ".join(path.name[:2] for path in paths) or "none"
        raise FileNotFoundError(
            f"{folder}: no deck begins with '{wanted}'. There are: {there}."
        )
    return [Deck(read_deck(path), out / path.stem) for path in chosen]


def install_node_modules(folder: Path, source: Path = SLIDES) -> Path:
    """What the lock in `source` names, installed by npm into `folder`, once a lock.

    Raises
    ------
    ToolMissing
        No Node or no npm, or npm could not install.
    """
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise ToolMissing(
                f"{program} is missing, which slides and the site are built with. "
                "Install Node 18 or later with npm: apt-get install nodejs npm, or "
                "brew install node"
            )
    lock = (source / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()
    mark = folder / "installed"
    if mark.exists() and mark.read_text() == digest:
        return folder / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source / name, folder / name)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise ToolMissing(
            f"npm could not install what the pages carry; the first build needs a "
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


def build_deck(deck: Deck, chapter: Path) -> None:
    """Write a deck into its folder: a page, and a notebook for JupyterLab-RISE.

    Raises
    ------
    DeckError
        What it shows is not in the `chapter`, with the line of the deck.
    """
    notebook = as_notebook(deck.script, chapter)
    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(TEMPLATES)],
        reveal_url_prefix="../assets/reveal.js",
        reveal_theme="course",
        jquery_url="../assets/jquery/dist/jquery.min.js",
        require_js_url="../assets/requirejs/require.js",
        mathjax_url="../assets/mathjax/MathJax.js",
        config=Config(
            TagRemovePreprocessor={"enabled": True, "remove_input_tags": {"output"}}
        ),
    )
    name = {"metadata": {"name": deck.title}}
    body, _ = exporter.from_notebook_node(notebook, name)
    deck.path.mkdir(parents=True, exist_ok=True)
    (deck.path / "index.html").write_text(body, encoding="utf-8")
    rise = as_notebook(deck.script, chapter, to_be_run=True)
    nbformat.write(rise, deck.path / f"{deck.path.name}.ipynb")


def look_at(decks: list[Deck], node_modules: Path) -> list[str]:
    """What Chromium sees wrong in `decks` that were built, with file and line.

    Raises
    ------
    ToolMissing
        There is no Chromium, or it fails.
    """
    pages = [str((deck.path / "index.html").resolve()) for deck in decks]
    command = ["node", str(SLIDES / "look.js"), str(node_modules.resolve())]
    done = subprocess.run(
        [*command, find_chromium(), *pages], capture_output=True, text=True
    )
    if done.returncode:
        raise ToolMissing(f"Chromium could not look at the slides:\n{done.stderr}")
    faults = []
    for deck, seen in zip(decks, json.loads(done.stdout).values()):
        if seen["numSlides"] != deck.num_slides:
            faults.append(f"{deck.script.path}: {seen['numSlides']} slides are shown")
        for number, fault in seen["found"]:
            line = deck.script.slides[max(0, number - 1)].line
            where = f"slide {number}: " if number else ""
            faults.append(f"{deck.script.path}:{line}: {where}{fault}")
    return faults


def write_contents(decks: list[Deck], out: Path) -> None:
    """The page with titles, minutes and links to `decks`."""
    source = (SLIDES / "contents.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True).from_string(source).render(decks=decks)
    (out / "index.html").write_text(page, encoding="utf-8")


def has_chromium() -> bool:
    return any(map(shutil.which, _BROWSERS))


def find_chromium() -> str:
    """Where Chromium or Chrome is.

    Raises
    ------
    ToolMissing
        It isn't.
    """
    for name in filter(shutil.which, _BROWSERS):
        return shutil.which(name)
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
