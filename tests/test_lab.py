"""JupyterLab in Chromium: what is folded until it is run, and what marks a notebook."""

import copy
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest

from d2l_nin.course.chapters import KERNEL
from d2l_nin.course.slides import find_chromium, has_chromium
from tests.test_notebooks import ROOT

PLAYWRIGHT = ROOT / "build/node/node_modules/playwright-core"
pytestmark = pytest.mark.skipif(
    not (PLAYWRIGHT.exists() and shutil.which("node") and has_chromium()),
    reason="needs Chromium, and Node with what `make slides` installs",
)


def notebook(version):
    """A cell whose stored output is folded, below one that it needs."""
    output = nbformat.v4.new_output("stream", text="the stored answer\n")
    code = "print('the answer of a', word)"
    answer = nbformat.v4.new_code_cell(code, outputs=[output])
    answer.metadata.jupyter = {"outputs_hidden": True}
    cells = [nbformat.v4.new_code_cell("word = 'run'"), answer]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata.update(copy.deepcopy(KERNEL))
    made.metadata.language_info.version = version
    return made


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab with settings of its own: its address."""
    folder = tmp_path_factory.mktemp("lab")
    here = KERNEL["language_info"]["version"]
    for name, version in (("same", here), ("other", "3.0.0")):
        nbformat.write(notebook(version), folder / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER{name}_DIR": str(folder / f".{name}") for name in
           ("_CONFIG", "_DATA", "LAB_SETTINGS", "LAB_WORKSPACES")}  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "lab", folder, "--no-browser", "--allow-root",
         f"--port={port}", "--ServerApp.token=", "--ServerApp.password="],
        env={**os.environ, **own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}/lab"
    try:
        for _ in range(120):
            try:
                urlopen(address, timeout=5).close()
                break
            except (URLError, OSError):
                assert server.poll() is None, "JupyterLab ended"
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=60)


def looked_at(lab, name):
    script = Path(__file__).parent / "look_lab.js"
    address = f"{lab}/tree/{name}.ipynb?reset"
    command = ["node", script, PLAYWRIGHT, find_chromium(), address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_unfolds_an_answer_and_opening_changes_nothing(lab):
    found = looked_at(lab, "same")
    assert found["folded"]
    assert found["shown"] == {"text": ["the answer of a run\n"], "still": 0}
    assert not found["changed"]


def test_another_python_marks_a_notebook_as_readme_says(lab):
    assert looked_at(lab, "other")["changed"]
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "JupyterLab marks a notebook as changed as soon as it is open" in words
