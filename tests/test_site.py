"""The book in Chromium, and what its build watches over.

`make site-test` builds the book and runs all of this; elsewhere what looks at the built
book is skipped.
"""

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import numpy
import pytest

from d2l_nin.course.chapters import find_chapters
from d2l_nin.course.folding import answer_boxes, deeper_sections
from d2l_nin.course.slides import find_chromium, install_node_modules

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
SITE = BUILD / "site"
MOST_BYTES = 5 * 2**20  # a live page with all that it loads
MOST_MS = 3000  # to its first answer; the aim is 1000, and a busy machine is slower
built = pytest.mark.skipif(
    "SITE_TEST" not in os.environ, reason="looks at the built book: make site-test"
)


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("build", ROOT / "site" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def page(tmp_path):
    """A function that writes a page beside another one."""
    (tmp_path / "other.html").write_text('<h1 id="here">Other</h1>', encoding="utf-8")
    (tmp_path / "figure.svg").write_text("<svg/>", encoding="utf-8")

    def write(html):
        (tmp_path / "page.html").write_text(html, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize(
    "html",
    [
        '<a href="other.html#here">there</a>',
        '<a href="https://example.org/none">another site</a>',
        '<img src="figure.svg" alt="A figure">',
    ],
)
def test_a_sound_page_has_no_fault(build, page, html):
    assert build.faults(page(html)) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="othr.html">there</a>', "othr.html leads nowhere"),
        ('<a href="other.html#there">there</a>', "there is no such place"),
        ('<a href="#there">there</a>', "there is no such place"),
        ('<script src="none.js"></script>', "none.js leads nowhere"),
        ('<img src="figure.svg">', "no alt text: figure.svg"),
    ],
)
def test_a_broken_link_and_a_missing_alt_text_are_told(build, page, html, fault):
    (found,) = build.faults(page(html))
    assert found.startswith("page.html: ") and fault in found


@built
def test_a_falsified_copy_of_a_page_is_told(build, tmp_path):
    for name in ("glossary.html", "index.html"):
        text = (SITE / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text, encoding="utf-8")
    wrong = text.replace('href="glossary.html', 'href="glosary.html', 1)
    assert wrong != text
    (tmp_path / "index.html").write_text(wrong, encoding="utf-8")
    assert any("glosary.html" in fault for fault in build.faults(tmp_path))
    assert build.faults(SITE) == []


@pytest.fixture(scope="module")
def looked():
    """What Chromium found; see site/look.js."""
    playwright = install_node_modules(BUILD / "node") / "playwright-core"
    axe = BUILD / "site-npm/node_modules/axe-core/axe.min.js"
    command = ["node", ROOT / "site/look.js", playwright, axe, find_chromium(), SITE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    (BUILD / "site-look.json").write_text(done.stdout, encoding="utf-8")
    return json.loads(done.stdout)


@built
def test_no_page_has_a_fault_in_chromium(looked):
    assert looked["pages"] > 14
    assert looked["faults"] == []


@built
def test_the_pages_net_is_that_of_mxnet(looked):
    """On 20 stored images: the same class and, within 1e-4, the same maps."""
    wanted = json.loads((BUILD / "mxnet-maps.json").read_text("utf-8"))
    of_mxnet = numpy.array(wanted["maps"])
    maps = numpy.array(looked["maps"]).reshape(of_mxnet.shape)
    assert len(maps) == 20
    assert numpy.abs(maps - of_mxnet).max() <= 1e-4
    assert maps.mean((2, 3)).argmax(1).tolist() == wanted["classes"]


@pytest.mark.parametrize("solutions", [False, True])
def test_solutions_are_there_only_if_asked_for(build, tmp_path, solutions):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "extra" / "chapters").mkdir(parents=True)
    build.write_chapters(tmp_path, solutions)
    chapters = {path.name for path in find_chapters(ROOT / "notebooks")}
    assert {path.name for path in (tmp_path / "chapters").glob("*.ipynb")} == chapters
    found = {path.name for path in (tmp_path / "chapters" / "solutions").glob("*")}
    assert found == (chapters if solutions else set())
    assert (tmp_path / "index.md").exists() == solutions


@built
def test_the_built_book_has_no_solutions():
    assert not [path for path in SITE.rglob("*") if "solution" in path.name.lower()]


def test_every_quoted_paper_is_in_the_bibliography():
    books = (ROOT / "site" / "references.bib").read_text("utf-8")
    for path in find_chapters(ROOT / "notebooks"):
        for number in re.findall(r"arxiv.org/abs/([\d.]+)", path.read_text("utf-8")):
            assert f"abs/{number}}}" in books, (path.name, number)


@built
def test_the_book_folds_what_the_pages_fold():
    for path in find_chapters(ROOT / "notebooks"):
        notebook = nbformat.read(path, as_version=4)
        text = (SITE / "chapters" / f"{path.stem}.html").read_text("utf-8")
        boxes = re.findall(r'<details class="course-(\w+)">', text)
        assert boxes.count("answer") == len(answer_boxes(notebook)) > 0
        assert not re.search(r"</summary>\s*</div>", text), "it ends at once"
        assert boxes.count("deeper") == len(deeper_sections(notebook)) > 0


@built
@pytest.mark.parametrize("number", ["01", "02", "03", "05"])
def test_a_chapter_links_to_its_live_page_within_its_text(build, number):
    page = build.LIVE[number][0]
    (path,) = (SITE / "chapters").glob(f"{number}_*.html")
    text = path.read_text("utf-8")
    assert text.count(f"live/{page}.html") >= 3  # title, text, contents


@built
@pytest.mark.parametrize("name", ["one_by_one", "nin_looks", "where", "depth"])
def test_a_live_page_is_small_and_answers(build, looked, name):
    path = SITE / "live" / f"{name}.html"
    scripts = [
        (path.parent / urlsplit(link).path).resolve()
        for link in build._Page(path.read_text("utf-8")).links
        if urlsplit(link).path.endswith((".js", ".css"))
    ]
    assert sum(one.stat().st_size for one in [path, *scripts]) < MOST_BYTES
    assert 0 < looked["answered"][f"live/{name}.html"] < MOST_MS
