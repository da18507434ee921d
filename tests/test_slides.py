"""The decks, looked at by Chromium without a network, and what watches over them."""

import json
import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from d2l_nin.cli import main
from d2l_nin.course import slides
from d2l_nin.course.chapters import find_chapters, outputs_digest, title_of
from d2l_nin.course.page import to_html

ROOT = Path(__file__).parent.parent
PATHS = find_chapters(ROOT / "notebooks")
LOOK = ROOT / "tests" / "browser" / "look.js"


@pytest.fixture(scope="module")
def node_modules():
    return slides.install_node_modules(ROOT / "build" / "node")


def build(path, out):
    title = title_of(nbformat.read(path, as_version=4))
    return slides.build_deck(path, title, out)


@pytest.fixture(scope="module")
def built(node_modules, tmp_path_factory):
    out = tmp_path_factory.mktemp("slides")
    slides.vendor(node_modules, out / "assets")
    decks = [build(path, out) for path in PATHS]
    slides.write_contents(decks, out)
    return out, decks


def look(node_modules, *paths):
    """What is wrong with decks, by path."""
    done = subprocess.run(
        ["node", LOOK, node_modules.resolve(), slides.find_chromium(), *paths],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_deck_shows_everything_without_a_network(built, node_modules):
    _, decks = built
    paths = [str(deck.path / "index.html") for deck in decks]
    result = look(node_modules, *paths)
    assert {path: seen["found"] for path, seen in result.items()} == {
        path: [] for path in paths
    }
    assert [seen["numSlides"] for seen in result.values()] == [
        deck.num_slides for deck in decks
    ]


def test_decks_fit_a_lesson(built):
    out, decks = built
    for deck in decks:
        assert 15 <= deck.num_slides <= 30, deck.title
        assert 40 <= deck.minutes <= 50, deck.title
    page = (out / "index.html").read_text(encoding="utf-8")
    for deck in decks:
        assert f'href="{deck.path.name}/index.html"' in page
        assert f"<td>{deck.minutes}</td>" in page


def test_decks_name_no_remote_script(built):
    _, decks = built
    for deck in decks:
        html = (deck.path / "index.html").read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="(https?:)?//', html)


def harmed(tmp_path, change):
    """Chapter 02's deck after `change` of its notebook."""
    path = next(path for path in PATHS if path.name.startswith("02"))
    notebook = nbformat.read(path, as_version=4)
    change([c for c in notebook.cells if "slide-only" in c.metadata.get("tags", [])])
    nbformat.write(notebook, tmp_path / path.name)
    return tmp_path / path.name


def test_faults_are_caught(node_modules, tmp_path):
    """An overfull slide, small or pale type, a bad formula, no notes, no alt text."""

    def change(cells):
        cells[0].source += "\n\n" + "* one line too many\n" * 20
        cells[2].source += '\n\n<span style="font-size: 12px">too small to read</span>'
        cells[2].source += '\n\n<span style="color: #999">pale words</span>'
        cells[4].source += r"\n\n$\frac{1$"
        cells[7].source = "nothing to say"
        cells[8].source += '\n\n<img src="../assets/missing.png">'

    slides.vendor(node_modules, tmp_path / "assets")
    deck = build(harmed(tmp_path, change), tmp_path)
    [seen] = look(node_modules, str(deck.path / "index.html")).values()
    faults = "\n".join(seen["found"])
    for size in ("1280×720", "1920×1080"):
        assert re.search(rf"{size} slide 1: \w+ overflows", faults)
        assert f"{size} slide 2: 'too small to read' is 12 px high" in faults
        assert f"{size} slide 2: 'pale words' has too little contrast" in faults
        assert f"{size} slide 4: no notes" in faults
        assert f"{size} slide 5: image without alt" in faults
    assert "failed: file:" in faults
    assert re.search(r"slide 3: .*(not typeset|does not parse)", faults)


def test_missing_programs_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(slides.ToolMissing, match="apt-get install nodejs npm"):
        slides.install_node_modules(tmp_path / "node")
    with pytest.raises(slides.ToolMissing, match="apt-get install chromium"):
        slides.find_chromium()
    with monkeypatch.context() as m:
        m.chdir(ROOT)
        done = CliRunner().invoke(main, ["slides", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1 and "node is missing" in done.output


def test_an_unknown_chapter_is_told_before_anything_is_installed(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(slides, "install_node_modules", None)  # it would be an error
    done = CliRunner().invoke(main, ["slides", "77", "--out", str(tmp_path)])
    assert done.exit_code == 1 and "no chapter begins with '77'" in done.output
    assert list(tmp_path.iterdir()) == []


def test_one_chapter_leaves_the_others_on_the_contents_page(
    node_modules, tmp_path, monkeypatch
):
    monkeypatch.chdir(ROOT)
    for chapter, listed in (("01", [PATHS[0]]), ("02", PATHS[:2])):
        done = CliRunner().invoke(main, ["slides", chapter, "--out", str(tmp_path)])
        assert done.exit_code == 0, done.output
        page = (tmp_path / "index.html").read_text(encoding="utf-8")
        found = re.findall(r'href="(\w+)/index.html"', page)
        assert found == [path.stem for path in listed]


def test_a_chromium_that_hangs_is_told(tmp_path, monkeypatch):
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    chromium.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slides, "MOST_SECONDS", 0.1)
    with pytest.raises(slides.ToolMissing, match=r"printed no PDF .* within 0.1 s"):
        slides.print_pdf(slides.Deck(tmp_path, "a title", 1, 1))


def test_one_deck_prints_to_pdf(built):
    _, decks = built
    target = slides.print_pdf(decks[0])
    pages = re.findall(rb"/Type\s*/Page\b", target.read_bytes())
    assert len(pages) == decks[0].num_slides


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_reading_is_as_before(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.d2l_nin.outputs_sha256 == outputs_digest(notebook)
    html = to_html(notebook)
    assert "Ask:" not in html
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        assert kind in ("slide", "fragment", "skip", "notes", "-")
        if kind in ("slide", "notes"):
            assert "slide-only" in cell.metadata.tags
        if "slide-only" in cell.metadata.get("tags", []):
            assert len(cell.source) < 700, "kept short"
            assert cell.metadata.jupyter.source_hidden, "folded in JupyterLab"


def test_the_lock_names_no_host():
    for name in ("package.json", "package-lock.json"):
        text = (slides.SLIDES / name).read_text(encoding="utf-8")
        assert "http" not in text and "resolved" not in text
    lock = json.loads((slides.SLIDES / "package-lock.json").read_text())
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages and all(entry["integrity"] for entry in packages)


def test_assets_are_shared_and_small(built):
    out, decks = built
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == sorted(
        ["assets", *(deck.path.name for deck in decks)]
    )
    size = sum(p.stat().st_size for p in (out / "assets").rglob("*") if p.is_file())
    assert size < 6 * 2**20
    assert os.listdir(decks[0].path) in (["index.html"], ["slides.pdf", "index.html"],
                                         ["index.html", "slides.pdf"])  # fmt: skip
