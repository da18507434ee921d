"""The decks, looked at by Chromium without a network, and what watches over them."""

import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from d2l_nin.cli import main
from d2l_nin.course import slides
from d2l_nin.course.chapters import find_chapters, outputs_digest
from d2l_nin.course.deck import DeckError, read_deck
from d2l_nin.course.deck_cells import as_notebook

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
DECKS = sorted((ROOT / "slides").glob("*.md"))


@pytest.fixture(scope="module")
def node_modules():
    return slides.install_node_modules(ROOT / "build" / "node")


def build(out, folder=ROOT / "slides", wanted="", chapters=NOTEBOOKS):
    decks = slides.find_decks(folder, out, wanted)
    for deck in decks:
        slides.build_deck(deck, chapters / f"{deck.path.name}.ipynb")
    return decks


@pytest.fixture(scope="module")
def built(node_modules, tmp_path_factory):
    out = tmp_path_factory.mktemp("slides")
    slides.vendor(node_modules, out / "assets")
    decks = build(out)
    slides.write_contents(decks, out)
    return out, decks


# --- a toy chapter with its deck --------------------------------------------------

NOTES = "\n\nNotes (2 min):\nSay it. **Ask:** Why?\n"
FIRST = "# Toys\n\nHow many?" + NOTES


@pytest.fixture
def toy(tmp_path):
    """A function that writes a deck of one more slide and hands back its path."""
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    table = (
        "<table><tr><th>NiN</th><td>1</td></tr><tr><th>VGG</th><td>2</td></tr></table>"
    )
    shown = nbformat.v4.new_output("execute_result", {"text/html": table})
    printed = nbformat.v4.new_output("stream", text="42\n")
    source = "%matplotlib inline\nimport os\n\n\n"
    source += "class Net:\n    def fit(self):\n        return 6 * 7"
    notebook = nbformat.v4.new_notebook(
        cells=[
            text("# Toys", id="title"),
            code("import math", id="imports"),
            code(source, id="net", outputs=[printed]),
            code("table", id="table", outputs=[shown]),
            code("pass", id="silent"),
            code("print(42); table", id="both", outputs=[printed, shown]),
        ]
    )
    nbformat.write(notebook, tmp_path / "07_toys.ipynb")

    def write(slide):
        deck = tmp_path / "07_toys.md"
        deck.write_text(f"{FIRST}\n---\n\n{slide}", encoding="utf-8")
        return deck

    return write


def cells_of(deck, **options):
    return as_notebook(read_deck(deck), deck.with_suffix(".ipynb"), **options).cells


ERRORS = [
    ("{{ output tabel }}", 0, "no cell 'tabel'; did you mean 'table'"),
    ("{{ output silent }}", 0, "no stored output: 'make notebooks"),
    ("{{ code title }}", 0, "is text, and has no code"),
    ("{{ code net def=run }}", 0, "defines no 'run'"),
    ("{{ code net lines=5-9 }}", 0, "has 7 lines here, and no '5-9'"),
    ("{{ code net steps=1|8 }}", 0, "has 7 lines here, and no '8'"),
    ("{{ output table mark=AlexNet }}", 0, "no row that begins with"),
    ("{{ output net mark=NiN }}", 0, "no table to mark"),
    ("{{ output net nth=9 }}", 0, "outputs, and no '9'"),
    ("{{ show net }}", 0, "expected '{{ code|output|cell ID }}'"),
    ("{{ output net steps=1 }}", 0, "'output' knows mark, nth, and not steps"),
    ("::: right\nB\n:::", 0, "'::: left', '::: right', ':::' in turn"),
    ("::: left\n::: right\nB\n:::", 1, "the left column is empty"),
    ("::: left\nB", -2, "the columns end nowhere"),
    ("", -2, "nothing but a title"),
]


@pytest.mark.parametrize(("body", "below", "message"), ERRORS)
def test_errors_name_the_line(toy, body, below, message):
    deck = toy(f"## A\n\n{body}{NOTES}")
    with pytest.raises(DeckError) as error:
        cells_of(deck)
    assert str(error.value).startswith(f"{deck}:{12 + below}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("slide", "line", "message"),
    [
        ("B" + NOTES, 10, "expected '## title', got 'B'"),
        ("## A\n\nB", 10, "no notes"),
        ("## A\n\nB\n\nNotes:\nC", 14, "expected 'Notes (3 min):'"),
    ],
)
def test_a_slide_has_a_title_and_notes(toy, slide, line, message):
    deck = toy(slide)
    with pytest.raises(DeckError, match=re.escape(f"{deck}:{line}: ")) as error:
        read_deck(deck)
    assert message in str(error.value)


def test_a_missing_chapter_is_told(toy):
    deck = toy("## A\n\nB" + NOTES)
    with pytest.raises(DeckError, match=r"its chapter is missing: .*08"):
        as_notebook(read_deck(deck), deck.with_name("08_none.ipynb"))


def test_what_a_deck_shows(toy):
    deck = toy(
        "## A\n\n{{ code net def=fit steps=1|2 }}\n\n. . .\n\n::: left 40%\nB\n"
        "::: right\n{{ output table mark=NiN }}\n:::\n\n. . .\n\nC" + NOTES
    )  # fmt: skip
    title, code, left, table, last, notes = cells_of(deck)[3:]
    assert title.metadata.slideshow.slide_type == "slide"
    assert code.source == "def fit(self):\n    return 6 * 7" and code.outputs == []
    assert (code.metadata.deck.steps, code.metadata.deck.first_step) == ("1|2", 0)
    assert "--left: 40fr" in left.metadata.deck.before
    assert '<tr class="marked"><th>NiN' in table.outputs[0].data["text/html"]
    assert "marked" not in table.outputs[0].data["text/html"].split("VGG")[0][-20:]
    clicks = [cell.metadata.deck.before for cell in (code, left, table, last)]
    found = [re.findall(r'fragment-index="(\d)"', html) for html in clicks]
    assert found == [[], ["1"], ["1"], ["2"]]
    assert notes.source.startswith("**2 min.** Say it.")
    whole = "".join(c.metadata.deck.before + c.metadata.deck.after
                    for c in (code, left, table, last))  # fmt: skip
    assert whole.count("<div") == whole.count("</div>")


def test_the_new_form_leaves_out_what_is_printed_beside_a_figure(toy):
    deck = toy("## A\n\n{{ output both }}" + NOTES)
    both = cells_of(deck)[4]
    assert [o.output_type for o in both.outputs] == ["stream", "execute_result"]
    deck.write_text(f"---\nform: 2\n---\n{deck.read_text('utf-8')}", encoding="utf-8")
    assert cells_of(deck)[4].outputs == both.outputs[1:]


def test_the_notebook_to_present_runs(toy):
    """It holds the chapter's other code, skipped, in the order of the chapter."""
    deck = toy("## A\n\n{{ output table }}\n\n{{ code net def=fit }}" + NOTES)
    cells = cells_of(deck, to_be_run=True)
    kinds = [(c.cell_type, c.metadata.slideshow.slide_type) for c in cells]
    assert kinds[3:] == [
        ("markdown", "slide"), ("code", "skip"), ("code", "skip"), ("code", "-"),
        ("markdown", "-"), ("markdown", "notes"),
    ]  # fmt: skip
    assert cells[4].source == "import math"
    assert cells[7].source.startswith("```python\ndef fit")


# --- the course's decks ------------------------------------------------------------


def test_every_deck_shows_everything_without_a_network(built, node_modules):
    assert slides.look_at(built[1], node_modules) == []


def test_every_chapter_has_a_deck_that_fits_a_lesson(built):
    out, decks = built
    assert [d.path.name for d in decks] == [p.stem for p in find_chapters(NOTEBOOKS)]
    page = (out / "index.html").read_text(encoding="utf-8")
    for deck in decks:
        assert 14 <= deck.num_slides <= 30, deck.title
        assert 40 <= deck.minutes <= 50, deck.title
        assert f'href="{deck.path.name}/index.html"' in page
        assert f"<td>{deck.minutes}</td>" in page


def test_decks_name_no_remote_script(built):
    _, decks = built
    for deck in decks:
        html = (deck.path / "index.html").read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="(https?:)?//', html)


def test_faults_are_caught(node_modules, tmp_path):
    """Overfull slides, small or pale type, a bad formula, no question, no alt text."""
    source = (ROOT / "slides" / "01_one_by_one_convolution.md").read_text("utf-8")
    front, *parts = source.split("\n---\n")
    harm = {
        0: "\n" + "* one line too many\n" * 20,
        1: '\n<span style="font-size: 12px">too small to read</span>\n\n'
        '<span style="color: #999">pale words</span>\n',
        2: "\n$\\frac{1$\n",
        4: '\n<img src="../assets/missing.png">\n',
        5: "\n```\n" + "x = 1; " * 30 + "\n```\n\n* " + "long" * 60 + "\n",
    }
    for i, text in harm.items():
        parts[i] = parts[i].replace("\nNotes (", f"{text}\nNotes (", 1)
    parts[3] = parts[3].replace("Ask:", "")
    deck = tmp_path / "01_one_by_one_convolution.md"
    deck.write_text("\n---\n".join([front, *parts]), encoding="utf-8")
    slides.vendor(node_modules, tmp_path / "assets")
    [built] = build(tmp_path, tmp_path)
    faults = "\n".join(slides.look_at([built], node_modules))
    for size in ("1280×720", "1920×1080"):
        assert re.search(rf"slide 1: \w+ overflows by \d+ px at {size}", faults)
        assert f"slide 2: 'too small to read' is 12 px high at {size}" in faults
        assert f"slide 2: 'pale words' has too little contrast at {size}" in faults
        assert (
            f"slide 4: no notes with minutes and a question ('Ask:') at {size}"
            in faults
        )
        assert f"slide 5: image without alt at {size}" in faults
        assert re.search(rf"slide 6: \w+ overflows by \d+ px at {size}", faults)
    assert re.search(r"slide 3: .*(not typeset|does not parse)", faults)
    assert "failed: file:" in faults
    line = built.script.slides[1].line
    assert f"{deck}:{line}: slide 2" in faults


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
    assert done.exit_code == 1 and "no deck begins with '77'" in done.output
    assert list(tmp_path.iterdir()) == []


def test_one_chapter_leaves_the_others_on_the_contents_page(
    node_modules, tmp_path, monkeypatch
):
    monkeypatch.chdir(ROOT)
    for chapter, listed in (("01", DECKS[:1]), ("02", DECKS[:2])):
        done = CliRunner().invoke(main, ["slides", chapter, "--out", str(tmp_path)])
        assert done.exit_code == 0, done.output
        page = (tmp_path / "index.html").read_text(encoding="utf-8")
        found = re.findall(r'href="(\w+)/index.html"', page)
        assert found == [path.stem for path in listed]


def test_make_slides_fails_where_something_overflows(
    node_modules, tmp_path, monkeypatch
):
    for name in ("notebooks", "build"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "slides").mkdir()
    text = (
        DECKS[0]
        .read_text("utf-8")
        .replace("\nNotes", "\n" + "* more\n" * 30 + "\nNotes", 1)
    )
    (tmp_path / "slides" / DECKS[0].name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["slides", "--out", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert re.search(rf"slides/{DECKS[0].name}:4: slide 1: \w+ overflows", done.output)


def test_a_chromium_that_hangs_is_told(tmp_path, monkeypatch, toy):
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    chromium.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(slides, "MOST_SECONDS", 0.1)
    script = read_deck(toy("## A\n\nB" + NOTES))
    with pytest.raises(slides.ToolMissing, match=r"printed no PDF .* within 0.1 s"):
        slides.print_pdf(slides.Deck(script, tmp_path))


def test_without_chromium_slides_are_made_and_it_is_said(
    node_modules, tmp_path, monkeypatch
):
    for name in ("node", "npm"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, ["slides", "01", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0 and "nobody looked" in done.output


def test_one_deck_prints_to_pdf(built):
    _, decks = built
    target = slides.print_pdf(decks[0])
    pages = re.findall(rb"/Type\s*/Page\b", target.read_bytes())
    assert len(pages) == decks[0].num_slides


@pytest.mark.parametrize("path", find_chapters(NOTEBOOKS), ids=lambda path: path.stem)
def test_a_chapter_holds_nothing_for_slides(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.d2l_nin.outputs_sha256 == outputs_digest(notebook)
    for cell in notebook.cells:
        assert "slideshow" not in cell.metadata
        assert not any(tag.startswith("slide") for tag in cell.metadata.get("tags", []))


# --- decks in the new form: CONTRIBUTING.md, "A deck" -------------------------------


def faults_of_form(script, chapter):
    """What a deck that declares `form: 2` does not keep to."""
    notebook = as_notebook(script, chapter)
    printed = set()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "text/html" not in output.get("data", {}):
                printed.add(cell.metadata.deck.cell)
    faults = []
    for slide in script.slides:
        is_first = slide is script.slides[0]
        faults += [(slide.line, what) for what in faults_of_words(slide, is_first)]
        for piece in slide.pieces:
            if piece.kind in ("output", "cell") and piece.source in printed:
                faults.append((piece.line, "printed output is shown"))
            if piece.kind == "code" and not piece.options.get("steps"):
                faults.append((piece.line, "code without steps"))
    return faults


def faults_of_words(slide, is_first):
    words = len(re.sub(r"[*_`$]", "", slide.notes).split())
    if not 80 <= words <= 120:
        yield f"{words} words of notes"
    if "**Expect:**" not in slide.notes:
        yield "no wrong answer to expect"
    title = slide.title.lstrip("# ")
    if not is_first and ("?" in title or len(title.split()) < 4):
        yield f"'{title}' asserts nothing"


@pytest.mark.parametrize("path", DECKS, ids=lambda path: path.stem)
def test_decks_in_the_new_form_keep_to_it(path):
    script = read_deck(path)
    if script.settings.get("form") != "2":
        pytest.skip("moved from the notebook as it was")
    assert faults_of_form(script, NOTEBOOKS / f"{path.stem}.ipynb") == []


def test_faults_of_form_are_caught(toy):
    good = "Say it well. " * 28 + "**Ask:** Why? **Expect:** Because."
    deck = toy(
        "## A net counts its toys\n\n{{ output table }}\n\n"
        f"Notes (1 min):\n{good}\n\n---\n\n## Why?\n\n"
        "{{ output net }}\n\n{{ code net }}" + NOTES
    )
    found = faults_of_form(read_deck(deck), deck.with_suffix(".ipynb"))
    assert [fault for line, fault in found if line > 9] == [
        "4 words of notes", "no wrong answer to expect", "'Why?' asserts nothing",
        "printed output is shown", "code without steps",
    ]  # fmt: skip


# --- what they carry ----------------------------------------------------------------


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
    beside = {"index.html", f"{decks[0].path.name}.ipynb"}
    assert set(os.listdir(decks[0].path)) - {"slides.pdf"} == beside
