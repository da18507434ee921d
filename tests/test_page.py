"""The chapters as pages, looked at in Chromium without a network."""

import json
import os
import re
import subprocess

import nbformat
import numpy
import pytest
from PIL import Image

from d2l_nin import figures
from d2l_nin.course.chapters import (
    Execution,
    find_chapters,
    for_reading,
    save_chapter,
    titles_of,
)
from d2l_nin.course.folding import (
    answer_boxes,
    boxed,
    deeper_sections,
    fold,
    plumbing,
)
from d2l_nin.course.formulas import to_mathml
from d2l_nin.course.page import _style, to_html, write_index
from d2l_nin.course.slides import find_chromium, install_node_modules
from tests.test_notebooks import ROOT

PATHS = find_chapters(ROOT / "notebooks")
# Chromium says here how wide a page wants to be, how wide it may be, and how many
# pieces of code or output are cut off where they could be scrolled.
ASK = (
    "<script>document.querySelectorAll('details').forEach(e => {e.open = true}); "
    "const all = document.documentElement; parent.postMessage("
    "[all.scrollWidth, innerWidth, [...all.querySelectorAll('.highlight, "
    ".highlight *, .jp-InputArea-editor, .jp-OutputArea-output')].filter(e => "
    "e.scrollWidth > e.clientWidth + 1 && ['hidden', 'clip'].includes("
    "getComputedStyle(e).overflowX)).length].join(), '*')</script></body>"
)
FRAME = (
    "<p id=said></p><iframe src='{}' width={} height=900></iframe><script>onmessage = "
    "e => document.getElementById('said').textContent += e.data + ' '</script>"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    out = tmp_path_factory.mktemp("pages")
    found = titles_of(ROOT / "notebooks")
    others = [(f"{path.stem}.html", title) for path, title in found]
    for path, _ in found:
        name = f"{path.stem}.html"
        text = to_html(nbformat.read(path, as_version=4), others, name)
        (out / name).write_text(text, encoding="utf-8")
    write_index(out, others)
    return out


def dom(page, tmp_path, *asked_for):
    done = subprocess.run(
        [find_chromium(), "--headless", "--no-sandbox", "--disable-gpu",
         "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=1500,1000", "--virtual-time-budget=5000",
         *(asked_for or ["--dump-dom"]), page.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def asked(pages, name, width, tmp_path):
    text = (pages / name).read_text(encoding="utf-8")
    (tmp_path / "page.html").write_text(text.replace("</body>", ASK), encoding="utf-8")
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format("page.html", width), encoding="utf-8")
    said = re.search(r'id="said">(\d+),(\d+),(\d+) ', dom(frame, tmp_path))
    assert said, "Chromium said nothing"
    return tuple(map(int, said.groups()))


@pytest.mark.parametrize("width", [1366, 820, 390])
@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_nothing_scrolls_sideways(pages, path, width, tmp_path):
    wide, room, cut = asked(pages, f"{path.stem}.html", width, tmp_path)
    assert width - 20 <= room <= width and wide <= room and cut == 0


def test_a_page_that_is_too_wide_is_seen(pages, tmp_path):
    code = "<div class=highlight style='overflow:hidden'><pre>" + "a" * 900
    (tmp_path / "wide.html").write_text(
        f"<body><p style='width:900px'>a</p>{code}</pre></div></body>"
    )
    wide, room, cut = asked(tmp_path, "wide.html", 390, tmp_path)
    assert wide > room and cut == 1


def looked_at(folder):
    """Faults that tests/look_pages.js finds, and the number of pages on paper."""
    modules = [ROOT / "build" / name / "node_modules" for name in ("node", "site-npm")]
    install_node_modules(ROOT / "build/node")
    command = ["node", ROOT / "tests/look_pages.js", modules[0] / "playwright-core",
               modules[1] / "axe-core/axe.min.js", find_chromium(), folder]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


with_axe = pytest.mark.skipif(
    "SITE_TEST" not in os.environ, reason="axe-core comes with the book: make site-test"
)


@with_axe
def test_axe_finds_nothing_serious_and_paper_cuts_nothing_off(pages):
    found = looked_at(pages)
    assert found["faults"] == []
    assert all(3 <= found["pdf"][f"{path.stem}.html"] <= 40 for path in PATHS)


@with_axe
def test_what_axe_and_paper_forbid_is_seen(tmp_path):
    code = "<details><summary>Code</summary><pre>" + "a" * 300 + "</pre></details>"
    (tmp_path / "bad.html").write_text(
        f"<html lang=en><title>Bad</title><p style='color:#aaa'>pale</p>{code}"
    )
    said = " ".join(looked_at(tmp_path)["faults"])
    assert "color-contrast" in said and "on paper: stays shut: PRE" in said


def test_all_links_are_alive(pages):
    """To sections, to the other chapters, and to the list of them."""
    for page in pages.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        ids = set(re.findall(r'\bid="([^"]+)"', text))
        links = set(re.findall(r'<a [^>]*href="([^"]+)"', text))
        assert len(links) >= len(PATHS)
        for link in links:
            if link.startswith("#"):
                assert link[1:] in ids, (page.name, link)
            elif "//" not in link and not link.startswith("data:"):
                name = link.split("#")[0]
                beside = pages / name, ROOT / "notebooks" / name
                assert any(path.exists() for path in beside), (page.name, link)
        assert "<script" not in text


def test_what_answers_a_prediction_is_folded(pages):
    for path in PATHS:
        notebook = nbformat.read(path, as_version=4)
        text = (pages / f"{path.stem}.html").read_text(encoding="utf-8")
        predictions = sum("**Predict" in cell.source for cell in notebook.cells)
        folded = text.count('<details class="course-answer">')
        assert folded == len(answer_boxes(notebook)) >= min(3, predictions) > 0
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        folded = sum(bool(plumbing(cell.source)) for cell in code)
        assert text.count('<details class="course-code">') == folded >= 2


def test_sections_of_going_deeper_are_folded_and_exercises_say_nothing(pages):
    for path in PATHS:
        notebook = nbformat.read(path, as_version=4)
        sections = deeper_sections(notebook)
        text = (pages / f"{path.stem}.html").read_text(encoding="utf-8")
        parts = text.split('<details class="course-deeper">')[1:]
        assert len(parts) == len(sections) >= 2
        for section, part in zip(sections, parts):
            inside = part.split("<h3 id=")[0].split("<h2 id=")[0]
            assert inside.count("<details") == inside.count("</details>") - 1
            assert ("nbConvert-code" in inside or "jp-CodeCell" in inside) == any(
                notebook.cells[i].cell_type == "code" for i in section
            )
        assert ": unanswered" not in text and "Exercise 1" in text


def test_the_lab_folds_the_headings_of_going_deeper_alone():
    heads = [
        "# Title",
        "## Going deeper",
        "### 1 · One",
        "More.",
        "### 2 · Two",
        "## S",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(head) for head in heads]
    )
    notebook.cells[0].metadata["jp-MarkdownHeadingCollapsed"] = True
    assert deeper_sections(notebook) == [range(2, 4), range(4, 5)]
    fold(notebook)
    folded = [bool(cell.metadata) for cell in notebook.cells]
    assert folded == [False, False, True, False, True, False]


def test_one_box_for_all_that_answers_a_prediction():
    """The code above it stays in sight, what only draws goes in as a whole."""
    new = nbformat.v4
    output = new.new_output("stream", text="0.9\n")
    code = ["1 + 1", "x = compare(a, b)", "figures.curves(x)", "2 + 2"]
    cells = [new.new_code_cell(source, outputs=[output]) for source in code]
    ask = new.new_markdown_cell("**Predict:** how many?")
    told = new.new_markdown_cell("Two.\n\nNow three.")
    notebook = new.new_notebook(cells=[cells[0], ask, *cells[1:3], told, cells[3]])
    assert answer_boxes(notebook) == [range(2, 4)]
    boxed(notebook)
    nbformat.validate(notebook)
    shown = [
        cell.source if cell.cell_type == "raw" else len(cell.get("outputs", []))
        for cell in notebook.cells
    ]
    begin = shown[3]
    assert begin.startswith("<details") and begin.count("<details") == 1
    assert shown == [1, 0, 0, begin, 1, 1, 0, "</details>", 0, 1]
    assert [cell.source for cell in notebook.cells[6:9:2]] == ["Two.", "Now three."]
    assert notebook.cells[4].metadata["transient"]["remove_source"]


@pytest.mark.parametrize(
    "source, folded",
    [
        ("%matplotlib inline\nfrom d2l_nin import runtime  # first", True),
        ("figures.mlpconv_picture()", True),
        ("cures.plot(reference=0.1)", True),
        ("gap = a - b\nverdict('gap', gap, above=0, excludes='chance')", True),
        (
            "verdict('gap', 1, above=0, excludes='chance')\nprint('equal:', a == b)",
            True,
        ),
        ("names = ['plain', -1]\nfigures.curves(lines, names)", True),
        ("panels = {'a': (xs, ys)}\nfigures.curves(panels)", True),
        ("names = 'a', 'b'", False),
        ("names = ['a', 'b']\nprint(names)\nfigures.curves(lines, names)", False),
        ("names = [name for name in nets]\nfigures.curves(lines, names)", False),
        ("net = nin_classroom()\nsummary(net, shape)", False),
        ("print(net(X).shape)", False),
        ("lines = spread(net)\nfigures.curves(lines)", False),
        ("def block():  #@save\n    import os", False),
        ("figures.maps()\ncheck.ch02.block(answer)", False),
        ("%%time\nfit(net)", False),
        ("", False),
    ],
)
def test_what_only_imports_draws_or_verifies_is_plumbing(source, folded):
    assert bool(plumbing(source)) is folded


def test_folding_leaves_nothing_of_an_earlier_folding():
    cells = [
        nbformat.v4.new_markdown_cell("**Predict:** more or fewer?"),
        nbformat.v4.new_code_cell("figures.maps()", outputs=[_printed("more")]),
        nbformat.v4.new_code_cell("print(1)", outputs=[_printed("1")]),
        nbformat.v4.new_markdown_cell("More."),
        nbformat.v4.new_code_cell("print(2)", outputs=[_printed("2")]),
    ]
    cells[4].metadata.jupyter = {"outputs_hidden": True, "source_hidden": True}
    notebook = nbformat.v4.new_notebook(cells=cells)
    fold(notebook)
    assert [cell.metadata.get("jupyter") for cell in notebook.cells] == [
        None, {"source_hidden": True, "outputs_hidden": True},
        {"outputs_hidden": True}, None, None,
    ]  # fmt: skip


def test_saving_a_run_marks_anew_what_is_folded(tmp_path):
    """So does `python -m d2l_nin notebooks`, which saves what it has run."""
    cells = [
        nbformat.v4.new_code_cell("names = 'a', 'b'\nfigures.curves(lines, names)"),
        nbformat.v4.new_code_cell("print(1)"),
    ]
    cells[1].metadata.jupyter = {"source_hidden": True}
    path = tmp_path / "07_toys.ipynb"
    save_chapter(Execution(path, nbformat.v4.new_notebook(cells=cells)))
    saved = nbformat.read(path, as_version=4).cells
    marks = [cell.metadata.get("jupyter") for cell in saved]
    assert marks == [{"source_hidden": True}, None]


def _printed(text):
    return nbformat.v4.new_output("stream", text=text)


def test_browsers_take_the_svg_and_what_a_sanitizer_leaves_is_the_png(tmp_path):
    """JupyterLab's, where a notebook is not trusted, and GitHub's drop `srcset`."""
    figure = figures.pooling_picture()
    bundle, _ = figure._repr_mimebundle_()
    whole = bundle["text/html"]
    left = re.sub(' srcset="[^"]*"', "", whole)
    output = nbformat.v4.new_output("display_data", data={"text/html": whole})
    cell = nbformat.v4.new_code_cell("figures.pooling_picture()", outputs=[output])
    read = for_reading(nbformat.v4.new_notebook(cells=[cell]))
    vector = read.cells[0].outputs[0].data["text/html"]
    assert "png" not in vector and len(whole) > len(vector) > len(left)
    (tmp_path / "viewers.html").write_text(
        f"<body style='margin:0'>{whole}{left}{vector}<script>onload = () => {{"
        "document.body.textContent = [...document.images].map(i => i.currentSrc.slice("
        "5, 14) + ' ' + Math.round(i.width) + ' ' + i.naturalHeight).join('; ')}"
        "</script>",
        encoding="utf-8",
    )
    said = re.search("<body[^>]*>([^<]*)", dom(tmp_path / "viewers.html", tmp_path))[1]
    (svg, wide, _), (png, *sides), last = [one.split() for one in said.split("; ")]
    assert (svg, png) == ("image/svg", "image/png") and last[0] == svg
    assert sides[0] == wide == last[1] and int(sides[1]) > 100


def test_primes_stand_beside_their_letter():
    """As an exponent, the raised character would be raised and shrunk once more."""
    assert '<mi>H</mi><mo lspace="0em" rspace="0em">\u2032</mo>' in to_mathml("H' = 1")
    both = to_mathml("h'_{ij}")
    assert "msubsup" not in both and "\u2032</mo></mrow><mrow><mi>i" in both
    assert "<msup" in to_mathml("x^2")


@pytest.mark.parametrize(
    "latex, part",
    [
        ("(1, -1)", '<mo form="prefix">\u2212</mo><mn>1</mn>'),
        ("b = -6", '<mo form="prefix">\u2212</mo><mn>6</mn>'),
        ("(a) - b", "<mo>\u2212</mo><mi>b</mi>"),
        ("F' - 1", "<mo>\u2212</mo><mn>1</mn>"),
        ("\\ln 10", '<mi>ln</mi><mspace width="0.167em" /><mn>10</mn>'),
        ("\\max(r, g)", '<mi>max</mi><mo stretchy="false">(</mo>'),
        ("221{,}184", '<mo lspace="0em" rspace="0em">,</mo>'),
        ("w/H", '<mo lspace="0em" rspace="0em">/</mo>'),
        ("\\big(b\\big)", '<mo stretchy="false" mathsize="1.2em" '),
    ],
)
def test_formulas_are_spaced_as_latex_spaces_them(latex, part):
    assert part in to_mathml(latex)


def test_a_long_brace_has_both_its_ends(tmp_path):
    """Chromium paints tiles, and left out those that a brace reaches by stretching."""
    long = " + ".join("abcdefghijklm")
    formula = to_mathml(rf"\underbrace{{{long}}}_{{k}}", "block")
    page, shot = tmp_path / "brace.html", tmp_path / "brace.png"
    style = f"{_style()} body {{ background: #fff; color: #000; }}"
    page.write_text(f"<meta charset=utf-8><style>{style}</style>{formula}")
    dom(page, tmp_path, f"--screenshot={shot}", "--force-device-scale-factor=2")
    dark = numpy.asarray(Image.open(shot).convert("L")) < 128
    first, last = dark.argmax(axis=1), dark.shape[1] - dark[:, ::-1].argmax(axis=1)
    wide = numpy.where(dark.any(axis=1), last - first, 0)
    rows = numpy.flatnonzero(wide)
    letters, below = wide[: rows[0] + 36].max(), wide[rows[0] + 36 :].max()
    assert below >= letters > 400, "the brace is shorter than what stands above it"


def test_the_font_has_every_character_of_the_formulas(pages):
    from fontTools.ttLib import TTFont

    from d2l_nin.course.page import MATHS_FONT

    known = TTFont(MATHS_FONT).getBestCmap()
    used = set()
    for page in pages.glob("0*.html"):
        for formula in re.findall(r"<math.*?</math>", page.read_text(), re.DOTALL):
            inside = re.findall(r"<m[ion][^>]*>([^<]+)</m[ion]>", formula)
            used |= set("".join(inside).replace("&lt;", "<").replace("&gt;", ">"))
    assert len(used) > 40
    assert {c for c in used if ord(c) not in known and not c.isspace()} <= set("\u2061")
