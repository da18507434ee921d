"""The command line, on notebooks of a few lines."""

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import numpy
import pytest
from click.testing import CliRunner

from d2l_nin import cli
from d2l_nin.cost import RESULT_TYPE
from d2l_nin.course import chapters, page
from d2l_nin.course.chapters import execute, find_chapters
from d2l_nin.course.doctor import Finding, examine
from d2l_nin.course.page import to_html

RESULT = f"""
from IPython.display import display
display({{"{RESULT_TYPE}": {{"net": "a net", "num_params": 1234, "macs": 5678,
         "test_acc": 0.9123, "seconds": 3.0}}, "text/plain": "a result"}}, raw=True)
"""

MATH = "# Good\n\nA formula $x_i^2$, one of its own\n\n$$\\sum_i x_i$$\n\nand \\$5."


def write(folder, name, *cells):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(MATH)]
        + [nbformat.v4.new_code_cell(source) for source in cells]
    )
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    path = folder / name
    nbformat.write(notebook, path)
    return path


@pytest.fixture()
def course(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write(folder, "01_bad.ipynb", "print('before')", "1 / 0", "print('after')")
    write(folder, "02_good.ipynb", "1 + 1", RESULT)
    (tmp_path / "README.md").write_text(
        "# Course\n\n<!-- chapters: written by `make notebooks` -->\n<!-- end -->\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    with cli.console.capture() as capture:
        result = CliRunner().invoke(cli.main, arguments)
    return result.exit_code, capture.get() + result.output


@pytest.mark.parametrize("command", [[], ["run"], ["notebooks"], ["doctor"]])
def test_help_on_all(command):
    code, text = invoke(*command, "--help")
    assert code == 0 and "Usage:" in text


def test_a_failing_chapter_stops_alone(course):
    before = {p: p.read_bytes() for p in (course / "notebooks").iterdir()}
    code, text = invoke("run")
    assert code == 1
    assert "cell 2" in text and "ZeroDivisionError" in text and "1 / 0" in text
    assert "\x1b[" not in text, "colour codes outside a terminal"
    table = text[text.index("What the chapters reached") :]
    assert re.search(r"01_bad .*failed", table)
    assert re.search(r"02_good .*a net .*1,234 .*5,678 .*91.23% .*3 s", table)
    assert re.search(r"02_good .* [1-9]\d* MiB", table), "no peak memory"
    ran = nbformat.read(course / "build" / "01_bad.ipynb", as_version=4)
    assert ran.cells[1].outputs[0].text == "before\n"
    assert ran.cells[3].outputs == [], "it went on after the failing cell"
    assert {p: p.read_bytes() for p in before} == before, "a chapter was touched"
    assert (course / "build" / "02_good.html").exists()


def without_state(course):
    """A chapter as Colab writes it: widgets' metadata without `state`."""
    path = write(course / "notebooks", "03_colab.ipynb", "3 + 3")
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"a": {}}}
    nbformat.write(notebook, path)


def test_a_chapter_s_failure_is_its_own(course, monkeypatch):
    """Not a notebook, a page that can't be made: the others still run."""
    (course / "notebooks" / "00_torn.ipynb").write_text("{ torn")
    without_state(course)
    code, text = invoke("run", "--profile")
    table = text[text.index("What the chapters reached") :]
    assert code == 1 and re.search(r"00_torn .*failed", table)
    assert re.search(r"03_colab +│ – ", table)
    assert (course / "build" / "03_colab.html").exists()
    longest = text[text.index("Longest cells") :]
    assert re.search(r"02_good +│ +2 .*from IPython|02_good +│ +1 .*1 \+ 1", longest)
    ran = nbformat.read(course / "build" / "01_bad.ipynb", as_version=4)
    assert len(ran.metadata.d2l_nin.cell_seconds) == 2
    to_page = page.to_html

    def fails_once(notebook, *arguments):
        if "6" in str(notebook.cells[1].outputs):
            raise KeyError("state")
        return to_page(notebook, *arguments)

    monkeypatch.setattr(page, "to_html", fails_once)
    code, text = invoke("run", "0")
    assert code == 1 and "its page could not be written: KeyError: 'state'" in text
    table = text[text.index("What the chapters reached") :]
    assert re.search(r"03_colab .*failed", table) and "a net" in table


def run_as(course, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "d2l_nin", *arguments],
        cwd=course, capture_output=True, timeout=300,
        env={**os.environ, **variables},
    )  # fmt: skip


def test_a_terminal_that_knows_only_ascii(course):
    """Names, dashes and accents that it can't show are replaced, and stop nothing."""
    write(course / "notebooks", "03_é–ñ.ipynb", "print('1×1 – é')")
    done = run_as(
        course, "run", "03", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"What the chapters reached" in done.stdout and b"03_" in done.stdout
    assert all(byte < 128 for byte in done.stdout)
    ran = nbformat.read(course / "build" / "03_é–ñ.ipynb", as_version=4)
    assert ran.cells[1].outputs[0].text == "1×1 – é\n"


def test_settings_of_the_user_change_nothing(course, tmp_path):
    """A profile that shows every expression, and a home that can't be written to."""
    profile = tmp_path / "home" / ".ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        "c.InteractiveShell.ast_node_interactivity = 'all'\n"
        "c.InteractiveShellApp.exec_lines = ['import numpy; "
        "numpy.set_printoptions(precision=1)']\n"
    )
    write(course / "notebooks", "03_a.ipynb", "import numpy\n1\nnumpy.array([0.123])")
    settings = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR",
                "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")  # fmt: skip
    for home in (str(tmp_path / "home"), "/proc/nobody"):
        done = subprocess.run(
            [sys.executable, "-m", "d2l_nin", "run", "03"],
            cwd=course, capture_output=True, text=True, timeout=300,
            env={**{k: v for k, v in os.environ.items() if k not in settings},
                 "HOME": home},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        ran = nbformat.read(course / "build" / "03_a.ipynb", as_version=4)
        (output,) = ran.cells[1].outputs
        assert output.data["text/plain"] == "array([0.123])"


def test_kernels_of_tests_have_settings_of_their_own():
    import IPython.paths
    from jupyter_core.paths import jupyter_config_dir, jupyter_runtime_dir

    for folder in (IPython.paths.get_ipython_dir(), jupyter_config_dir(),
                   jupyter_runtime_dir()):  # fmt: skip
        assert "d2l_nin-tests-" in folder


def test_one_chapter(course):
    code, text = invoke("run", "02", "--out", "elsewhere")
    assert code == 0 and "01_bad" not in text
    assert (course / "elsewhere" / "02_good.ipynb").exists()


def test_an_unknown_chapter_is_told(course):
    code, text = invoke("run", "07")
    assert code == 1 and "no chapter begins with '07'. There are: 01, 02." in text


def test_another_folder_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = invoke("run")
    assert code == 1 and "start this in the course's folder" in text


def test_a_kernel_that_dies_is_told(course):
    write(course / "notebooks", "03_dies.ipynb", "import os; os._exit(1)")
    code, text = invoke("run", "03")
    assert code == 1 and "cell 1: DeadKernelError" in text and "os._exit(1)" in text


def test_notebooks_saves_only_what_ran(course):
    bad = (course / "notebooks" / "01_bad.ipynb").read_bytes()
    code, text = invoke("notebooks")
    assert code == 1 and "README.md was not written" in text
    assert (course / "notebooks" / "01_bad.ipynb").read_bytes() == bad
    (course / "notebooks" / "01_bad.ipynb").unlink()
    code, _ = invoke("notebooks")
    assert code == 0
    saved = nbformat.read(course / "notebooks" / "02_good.ipynb", as_version=4)
    assert [c.execution_count for c in saved.cells[1:]] == [1, 2]
    assert saved.metadata.d2l_nin.outputs_sha256 == chapters.outputs_digest(saved)
    readme = (course / "README.md").read_text()
    assert "| a net | 1,234 | 91.2% |" in readme and readme.startswith("# Course")
    assert not list((course / "notebooks").glob("*.partial"))


def test_notebooks_saves_solutions_and_run_leaves_them(course):
    (course / "notebooks" / "01_bad.ipynb").unlink()
    folder = course / "notebooks" / "solutions"
    folder.mkdir()
    path = write(folder, "02_good.ipynb", "2 + 2")
    write(folder, "notes.ipynb", "1 / 0")
    before = path.read_bytes()
    code, text = invoke("run")
    assert code == 0 and "solutions" not in text and path.read_bytes() == before
    code, text = invoke("notebooks", "02")
    assert code == 0 and "solutions/02_good done" in text
    saved = nbformat.read(path, as_version=4)
    assert saved.cells[1].outputs[0].data["text/plain"] == "4"
    assert saved.metadata.d2l_nin.outputs_sha256 == chapters.outputs_digest(saved)
    assert "solutions" not in (course / "README.md").read_text()
    assert chapters.find_solutions(course / "notebooks", "03") == []


def test_html_loads_nothing(course):
    path = find_chapters(course / "notebooks", "02")[0]
    html = to_html(execute(path, lambda cell, num_cells: None).notebook)
    assert "<math" in html and 'display="block"' in html and "\\sum" not in html
    assert "<script" not in html
    loads = re.findall(r"""(?:src|href)=["']([^"'#]+)""", html)
    assert all(load.startswith("data:") for load in loads), loads
    outside = re.findall(r"url\(\s*[\"']?(?!data:|#)([^)\"']+)", html)
    assert not [url for url in outside if "//" in url]
    assert "<title>Good</title>" in html and "$5" in html


def test_readme_without_marks_is_told(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# nothing\n")
    with pytest.raises(ValueError, match=r"the marks .* are missing"):
        chapters.update_readme(readme, Path(__file__).parent.parent / "notebooks")


# --- doctor ---------------------------------------------------------------------


def test_doctor_finds_this_machine_sound():
    code, text = invoke("doctor")
    assert code == 0
    for subject in ("Python", "numpy", "MXNet", "Threads", "Load", "Engine", "GPU",
                    "Memory", "Disk", "Data", "Import order"):  # fmt: skip
        assert subject in text
    assert "70,000 images, verified" in text


def finding(subject):
    return next(f for f in examine() if f.subject == subject)


def test_doctor_names_the_mend(monkeypatch, tmp_path):
    from d2l_nin import environment
    from d2l_nin.course import doctor
    from d2l_nin.datasets import fashion_mnist

    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    assert "unset OMP_NUM_THREADS" in finding("Threads").mend
    monkeypatch.setattr(environment, "CHOSEN", "77")
    assert (
        finding("Threads").mend == "" and "others compute" in finding("Threads").found
    )
    for taken, words in ((0.2, ""), (1.2, "close other programs")):
        load = types.SimpleNamespace(others=lambda seconds, taken=taken: taken)
        monkeypatch.setattr(environment, "Load", lambda load=load: load)
        assert finding("Load").found == f"others keep {taken} cores busy"
        assert words in finding("Load").mend and not finding("Load").fatal
        assert bool(finding("Load").mend) == bool(words)
    monkeypatch.setenv("MXNET_ENGINE_TYPE", "ThreadedEngine")
    assert "unset MXNET_ENGINE_TYPE" in finding("Engine").mend
    monkeypatch.setattr(environment, "IMPORTED_TOO_LATE", True)
    assert "import d2l_nin before mxnet" in finding("Import order").mend
    monkeypatch.setattr(fashion_mnist, "SHIPPED", tmp_path / "gone.zip")
    monkeypatch.setattr(fashion_mnist, "_shipped", None)
    assert finding("Data").fatal and "missing" in finding("Data").found

    class Sealed(types.SimpleNamespace):
        """A NumPy of the future that takes no name back."""

        def __setattr__(self, name, value):
            pass

    kept = ("inf", "nan", "all", "any", "isin", "ravel", "sort", "round", "prod")
    new = Sealed(__version__="9.0.0", **{name: getattr(numpy, name) for name in kept})
    monkeypatch.setattr(doctor, "numpy", new)
    assert finding("numpy").fatal and "MXNet can't load" in finding("numpy").mend
    assert finding("numpy").found.startswith("9.0.0, without ")


def test_doctor_fails_when_the_chapters_would(monkeypatch):
    from d2l_nin.course import doctor

    broken = [Finding("MXNet", "AttributeError: …", "make clean setup", fatal=True)]
    monkeypatch.setattr(doctor, "examine", lambda: broken)
    code, text = invoke("doctor")
    assert code == 1 and "wrong" in text and "make clean setup" in text
    unsure = [Finding("Disk", "0.5 GiB free here", "free 1 GiB")]
    monkeypatch.setattr(doctor, "examine", lambda: unsure)
    assert invoke("doctor")[0] == 0
