"""Several processes train one net: as one process would, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
import uuid

import numpy
import psutil
import pytest
from click.testing import CliRunner
from mxnet import init

from d2l_nin.cli import main
from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.nin import nin_classroom
from d2l_nin.runtime import seed_everything
from d2l_nin.training import fit
from d2l_nin.training.launch import JobFailed, launch

# 130 images in batches of 50, 50 and 30 for two workers; without batch norm, whose
# statistics are each worker's own.
SCRIPT = """
import os, signal, sys, time
from d2l_nin.runtime import seed_everything
import numpy
from mxnet import init
from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.nin import nin_classroom
from d2l_nin.training import fit

folder, how = sys.argv[1:]
train_iter, _ = load_fashion_mnist(50, train_size=130, seed=1)
seed_everything(1)
net = nin_classroom(widths=(16, 16, 16), batch_norm=False)
net.initialize(init.MSRAPrelu("in", 0))

def on_step(step, net):
    open(os.path.join(folder, f"running {os.getpid()}"), "w").close()
    if how == "wait":
        time.sleep(60)
    if how in ("die", "raise"):
        try:
            os.mkdir(os.path.join(folder, "first"))
        except FileExistsError:
            return
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError("a slip in the reader's script")

fit(net, train_iter, num_epochs=2, lr=0.02, kvstore="dist_sync", on_step=on_step)
weights = [p.data().asnumpy() for p in net.collect_params().values()]
numpy.savez(os.path.join(folder, f"{os.getpid()}.npz"), *weights)
"""
MARK = "D2L_NIN_TEST_JOB"


@pytest.fixture
def job(tmp_path, monkeypatch):
    """The script, and a mark by which its processes are found."""
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    return script


def processes_of_the_job() -> list:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and (
                process.environ().get(MARK) == os.environ[MARK]
            ):
                found.append(process)
        except psutil.Error:
            continue
    return [p for p in found if p.is_running() and p.status() != "zombie"]


def test_two_workers_give_what_one_process_gives(job, tmp_path):
    launch([sys.executable, str(job), str(tmp_path), "live"], num_workers=2)
    assert processes_of_the_job() == []
    outcomes = [numpy.load(path) for path in tmp_path.glob("*.npz")]
    assert len(outcomes) == 2

    train_iter, _ = load_fashion_mnist(50, train_size=130, seed=1)
    seed_everything(1)
    net = nin_classroom(widths=(16, 16, 16), batch_norm=False)
    net.initialize(init.MSRAPrelu("in", 0))
    net(next(iter(train_iter))[0])
    train_iter.epoch = 0
    before = [p.data().asnumpy() for p in net.collect_params().values()]
    fit(net, train_iter, num_epochs=2, lr=0.02)
    alone = [p.data().asnumpy() for p in net.collect_params().values()]
    for old, weight, *others in zip(before, alone, *(o.values() for o in outcomes)):
        numpy.testing.assert_array_equal(*others)
        assert numpy.abs(weight - old).max() > 1e-3, "it has learned something"
        numpy.testing.assert_allclose(others[0], weight, rtol=1e-3, atol=1e-5)


def test_a_worker_that_dies_ends_the_job(job, tmp_path):
    with pytest.raises(JobFailed, match=r"worker \d was killed by signal 9 before"):
        launch([sys.executable, str(job), str(tmp_path), "die"])
    assert processes_of_the_job() == []


def test_a_worker_with_an_error_ends_the_job(job, tmp_path, capfd):
    with pytest.raises(JobFailed, match=r"worker \d ended with exit status 1 before"):
        launch([sys.executable, str(job), str(tmp_path), "raise"])
    assert "ZeroDivisionError: a slip in the reader's script" in capfd.readouterr().err
    assert processes_of_the_job() == []


def test_a_command_that_fails_is_told(job, tmp_path):
    failing = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(JobFailed, match=r"worker \d ended with exit status 3"):
        launch(failing)
    assert processes_of_the_job() == []


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_launcher_takes_its_processes_along(job, tmp_path, sign):
    if sign == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux tells processes of their parent's death")
    launcher = subprocess.Popen(
        [sys.executable, "-m", "d2l_nin", "launch", "--", sys.executable, str(job),
         str(tmp_path), "wait"],
        # Python heeds Ctrl-C unless it was started in the background of a shell.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("running *"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        found = len(processes_of_the_job())
        assert found >= 5, "launcher, scheduler, server, 2 workers"
        launcher.send_signal(sign)
        launcher.wait(20)
    finally:
        launcher.kill()
    deadline = time.monotonic() + 10
    while processes_of_the_job() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of_the_job() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"command": []}, "expected what a worker runs"),
        ({"num_workers": 0}, "num_workers: expected at least 1"),
        ({"num_servers": 0}, "num_servers: expected at least 1"),
        ({"hosts": []}, "hosts: expected at least one"),
        ({"hosts": ["localhost", "far"]}, "names that every host can reach"),
        ({"hosts": ["localhost", ""]}, "names that ssh can reach, got ''"),
        ({"hosts": ["-oProxyCommand=true"]}, "names that ssh can reach, got '-oProxy"),
        (
            {"hosts": [" localhost", " far "]},
            "every host can reach, got localhost, far",
        ),
    ],
)
def test_jobs_that_make_no_sense_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        launch(**{"command": ["true"], **arguments})


def test_a_command_that_can_not_run_is_told(job, tmp_path):
    """Not a program's file, or none at all; what had started is stopped."""
    script = tmp_path / "not_executable.py"
    script.write_text("print('never')")
    with pytest.raises(PermissionError, match=r"not_executable.py' does not: Perm"):
        launch([str(script)])
    with pytest.raises(FileNotFoundError, match=r"'no-such-program' does not: No such"):
        launch(["no-such-program"])
    assert processes_of_the_job() == []
    done = CliRunner().invoke(main, ["launch", "--", str(script)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: command: expected a program that runs")


def test_dist_sync_outside_a_job_is_told():
    train_iter, _ = load_fashion_mnist(50, train_size=100)
    net = nin_classroom()
    net.initialize()
    with pytest.raises(RuntimeError, match="python -m d2l_nin launch"):
        fit(net, train_iter, kvstore="dist_sync")
    with pytest.raises(ValueError, match="expected 'dist_sync' or None"):
        fit(net, train_iter, kvstore="local")
