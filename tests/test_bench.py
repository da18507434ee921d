"""The bench: it refuses a busy machine, and its contestants do what they are said to.

What it measures is not tested here: times belong to `make bench`.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from benchmarks import command, measure
from benchmarks.chart import bench_chart, bench_picture
from benchmarks.table import table_rows
from d2l_nin.course.console import console


def test_a_busy_machine_is_refused(monkeypatch):
    monkeypatch.setattr(measure, "busy_share", lambda: 0.5)
    with pytest.raises(
        measure.Busy, match=r"50% of the processors are busy .*--anyway"
    ):
        measure.check_idle()
    assert measure.check_idle(anyway=True) == 0.5


def test_an_idle_machine_is_measured(monkeypatch):
    monkeypatch.setattr(measure, "busy_share", lambda: 0.01)
    assert measure.check_idle() == 0.01


def test_work_beside_is_seen():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as burner:
        try:
            assert measure.busy_share(1.0) > 0.8 / (os.cpu_count() or 1)
        finally:
            burner.kill()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    measure.write_images(folder)
    return folder


@pytest.mark.parametrize(
    "name", ["this course", "d2l", "d2l, hybridized", "plain Gluon loop"]
)
def test_contestants_train(images, name):
    """One epoch of 3,000 images; in d2l's case through its own loader and loop.

    With a rate of zero the loss stays where it was.
    """
    job = {"batch_size": 64, "num_images": 3000, "seed": 1, "folder": str(images)}
    figures = measure.measure(name, **job)
    assert figures["images_per_second"] == pytest.approx(3000 / figures["seconds"])
    first, last = figures["losses"]
    assert last < 0.9 * first
    assert 0 <= figures["accuracy"] <= 1 and figures["peak_mib"] > 100


def test_foreign_loops_get_mxnet_s_own_threads_and_engine():
    code = measure.CONTESTANTS["plain Gluon loop"].split(";")[0]
    names = "'OMP_NUM_THREADS', 'MXNET_ENGINE_TYPE'"
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}; from benchmarks import loops; import os;"
         f"print([os.environ.get(name) for name in ({names})])"],
        env=measure.clean_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.splitlines()[-1] == "[None, None]"
    assert "mxnet was imported first" in shown.stderr


def test_a_failing_contestant_is_told():
    with pytest.raises(RuntimeError, match=r"growth failed:[\s\S]*expected at least 1"):
        measure.measure("growth", width=0)


def stands_in_for(monkeypatch, fails: str = ""):
    """`measure` without a process: made-up figures, an error from the job `fails`."""

    def made_up(name, torch_python=None, **job):
        if name == fails:
            raise RuntimeError(f"{name} failed:\nits last words")
        return {**job, "images_per_second": 10.0, "train_images_per_second": 11.0,
                "accuracy": 0.8, "peak_mib": 100, "macs": 5, "images": 3,
                "seconds": 2.0, "epoch": 1}  # fmt: skip

    monkeypatch.setattr(measure, "measure", made_up)
    monkeypatch.setattr(measure, "busy_share", lambda *_: 0.01)
    monkeypatch.setattr(measure, "sgemm_peak", lambda: 1e9)
    monkeypatch.setattr(measure, "write_images", lambda folder: None)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course's folder without build/, as after `make clean`."""
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook()
    nbformat.write(notebook, tmp_path / "notebooks" / "01_small.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_bench(*arguments):
    with console.capture() as capture:
        done = CliRunner().invoke(command.bench, arguments)
    return done.exit_code, capture.get() + done.output


@pytest.mark.parametrize("part", ["goals", "growth", "loops", "all"])
def test_a_part_alone_makes_the_folder_it_writes_to(course, monkeypatch, part):
    stands_in_for(monkeypatch)
    code, text = run_bench("--part", part)
    assert code == 0, text
    found = json.loads((course / "build" / "bench.json").read_text())
    names = ["loops", "goals", "growth"] if part == "all" else [part]
    assert [name for name in ("loops", "goals", "growth") if name in found] == names
    assert (course / "build" / "bench.svg").exists() == (part == "all")


def test_notebooks_are_looked_for_before_anything_is_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "check_idle", None)  # it would be an error
    code, text = run_bench("--part", "goals")
    assert code == 1 and "start this in the course's folder" in text


def test_a_late_failure_keeps_what_was_measured(course, monkeypatch):
    stands_in_for(monkeypatch, fails="growth")
    code, text = run_bench("--part", "all", "--repetitions", "2")
    assert code == 1 and "growth failed:\nits last words" in text
    assert "until then is in build/bench.json" in text
    found = json.loads((course / "build" / "bench.json").read_text())
    assert len(found["loops"]["plain Gluon loop"]) == 2
    assert len(found["goals"]) == len(measure.GOALS) * len(measure.SEEDS)
    stands_in_for(monkeypatch, fails="plain Gluon loop")
    code, text = run_bench("--part", "loops")
    assert code == 1 and "plain Gluon loop failed" in text
    found = json.loads((course / "build" / "bench.json").read_text())
    assert [len(runs) for runs in found["loops"].values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("script", "why"), [(None, "is not there"), ("exit 1", "can't import it")]
)
def test_without_pytorch_it_is_left_out_and_said(course, monkeypatch, script, why):
    """As on Python 3.9, for which there is none."""
    python = course / "python"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    stands_in_for(monkeypatch)
    code, text = run_bench("--part", "loops", "--torch-python", str(python))
    assert code == 0 and "Without PyTorch: " in text
    assert why in " ".join(text.split()) and "Python 3.10 or later" in text
    found = json.loads((course / "build" / "bench.json").read_text())
    assert not any(name.startswith("PyTorch") for name in found["loops"])
    assert not measure.has_torch(python)


def test_an_interpreter_with_pytorch_takes_part(course, monkeypatch):
    python = course / "python"
    python.write_text('#!/bin/sh\n[ "$2" = "import torch" ]\n')
    python.chmod(0o755)
    stands_in_for(monkeypatch)
    code, text = run_bench("--part", "loops", "--torch-python", str(python))
    assert code == 0 and "Without PyTorch" not in text
    found = json.loads((course / "build" / "bench.json").read_text())
    assert list(found["loops"]) == list(measure.CONTESTANTS)


def test_growth_reports_the_cost_of_the_net_it_ran():
    figures = measure.measure("growth", num_images=128)
    assert figures["macs"] == 2_990_880 and figures["images"] == 128


def test_the_net_in_pytorch_is_ours():
    """Its counts, without PyTorch: windows and widths as written there."""
    text = Path(measure.__file__).with_name("torch_loop.py").read_text()
    blocks = re.findall(r"\*block\((\d+), \((\d+), (\d+), (\d+)\), (\d+)", text)
    num_params = 0
    for i, numbers in enumerate(blocks):
        channels, *widths, kernel_size = map(int, numbers)
        for j, width in enumerate(widths):
            num_params += channels * width * (kernel_size**2 if j == 0 else 1)
            bare = i == len(blocks) - 1 and j == 2
            num_params += width if bare else 2 * width
            channels = width
    assert num_params == 156_234


FOUND = {
    "peak": 1e9,
    "net": {"macs": 1_000},
    "loops": {
        "this course": [
            {"batch_size": 64, "images_per_second": s, "accuracy": 0.8,
             "train_images_per_second": 1.1 * s, "peak_mib": 400}
            for s in (4000.0, 2000.0)
        ],
        "d2l": [
            {"batch_size": 256, "images_per_second": s, "accuracy": 0.7,
             "peak_mib": 900}
            for s in (2000.0, 1000.0)
        ],
    },
    "goals": [
        {"net": "nin", "num_epochs": 2, "goal": 0.9, "seconds": s, "epoch": e,
         "accuracy": a}
        for s, e, a in ((20.0, 2, 0.91), (22.0, 2, 0.905), (None, None, 0.899))
    ] + [
        {"net": net, "num_epochs": n, "goal": g, "seconds": None, "epoch": None,
         "accuracy": 0.8}
        for net, n, g in (("inception", 2, 0.9), ("resnet", 2, 0.9),
                          ("resnet", 4, 0.92))
    ],
    "growth": {"width": [
        {"value": 1, "macs": 10, "images": 5, "seconds": 1.0, "peak_mib": 300},
        {"value": 2, "macs": 40, "images": 5, "seconds": 3.0, "peak_mib": 310},
    ]},
    "chapters": {"01_small": {"seconds": 9, "peak_mib": 100}},
}  # fmt: skip


def test_the_table_pairs_repetition_with_repetition():
    rows = table_rows(FOUND)
    text = "\n".join(" | ".join(row) for row in rows)
    # Each pair has the ratio 2, though the machine halved its speed in between.
    assert "we: 2.00 (2.00 … 2.00) times as fast" in text
    assert "nin to 90%: 2 of 3 seeds | 21.0 (20.0 … 22.0) s, epoch 2 of 2" in text
    assert "resnet to 92%: 0 of 1 seeds | not reached" in text
    assert "3.0 times the time for 4.0 times the MACs" in text
    # 6 operations × 1,000 MACs × 1.1 × images/s of 1e9.
    assert "2% (1% … 3%) | of 1 GFLOP/s" in text
    assert json.loads(json.dumps(FOUND)) == FOUND
    picture = bench_picture(FOUND)
    assert "this course 3,000, d2l 1,500" in picture.alt and "<svg" in picture.svg


def test_growth_without_a_marker_is_refused_not_left_out():
    growth = {f"size {i}": ([1, 2], [1, 2]) for i in range(7)}
    with pytest.raises(ValueError, match="growth: expected at most 6"):
        bench_chart({"we": (1, 2, 3)}, growth, alt="chart")
