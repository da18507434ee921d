"""Threads, engine, devices, seeds: mostly from outside, in fresh processes."""

import os
import subprocess
import sys
import types

import numpy
import pytest
from mxnet import np

from d2l_nin import environment, runtime


def python(code, **variables):
    """What a fresh Python prints, without the settings of this one."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("OMP_NUM_THREADS", "MXNET_ENGINE_TYPE")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**env, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


SHOW = """
import os
print(os.environ["OMP_NUM_THREADS"], os.environ.get("MXNET_ENGINE_TYPE"))
"""


def test_threads_and_engine_are_chosen_silently():
    out, err = python(f"import d2l_nin{SHOW}")
    threads, engine = out.split()
    assert 1 <= int(threads) <= environment.num_cores()
    assert engine == "NaiveEngine" and err == ""


def test_the_environment_of_the_user_wins():
    out, _ = python(
        f"import d2l_nin{SHOW}",
        OMP_NUM_THREADS="1",
        MXNET_ENGINE_TYPE="ThreadedEngine",
    )
    assert out == "1 ThreadedEngine"


def test_mxnet_imported_first_is_told_in_one_line():
    _, err = python("import warnings; warnings.simplefilter('ignore'); "
                    "import mxnet; import d2l_nin")  # fmt: skip
    assert len(err.splitlines()) == 1
    assert "Import d2l_nin before mxnet" in err


CPUS = "sys/fs/cgroup"


def tree(root, files):
    """A made-up part of /proc and /sys; `files` from a path to what is in it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def v1(folder, quota):
    return {f"{CPUS}/{folder}/cpu.cfs_quota_us": f"{quota}\n",
            f"{CPUS}/{folder}/cpu.cfs_period_us": "100000\n"}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({f"{CPUS}/cpu.max": "100000 100000\n"}, 1),
        ({f"{CPUS}/cpu.max": "50000 100000\n"}, 1),  # never none
        ({f"{CPUS}/cpu.max": "max 100000\n"}, 8),
        ({f"{CPUS}/cpu.max": "broken\n"}, 8),
        (v1("cpu", 300000), 3),
        (v1("cpu", -1), 8),
        (v1("cpu", ""), 8),
        # The group itself is free, one around it is not: the smallest counts.
        (
            {
                "proc/self/cgroup": "0::/class/room/seat\n",
                f"{CPUS}/class/cpu.max": "500000 100000\n",
                f"{CPUS}/class/room/cpu.max": "200000 100000\n",
                f"{CPUS}/class/room/seat/cpu.max": "max 100000\n",
                f"{CPUS}/other/cpu.max": "100000 100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "3:cpuacct,cpu:/docker/a\n1:pids:/docker/b\n",
                **v1("cpu,cpuacct/docker/a", 600000),
                **v1("cpu,cpuacct/docker", 400000),
                **v1("cpu,cpuacct/docker/b", 100000),
            },
            4,
        ),
        # As in a container: its own group is the root, its name the host's.
        ({"proc/self/cgroup": "0::/docker/a\n", f"{CPUS}/cpu.max": "3 1\n"}, 3),
        ({"proc/self/cgroup": "0::/../../b\n", f"{CPUS}/cpu.max": "3 1\n"}, 3),
    ],
)
def test_the_smallest_quota_limits_the_cores(monkeypatch, tmp_path, files, cores):
    """In both forms that Linux has for it, in nested groups too."""
    monkeypatch.setattr(environment.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(environment.psutil, "cpu_count", lambda logical: 8)
    monkeypatch.setattr(environment, "_processors", lambda: set(range(8)))
    assert environment.num_cores(tree(tmp_path, files)) == cores


def counters(processors, own):
    """What Linux has in /proc: ticks of each processor (busy, idle), and our own."""
    lines = [f"cpu{i} {busy} 0 0 {idle} 0 0 0 0 0 0"
             for i, (busy, idle) in enumerate(processors)]  # fmt: skip
    stat = f"7 (a name) R) S {'0 ' * 10}{own} 0 0 0"
    return {"stat": "\n".join(["cpu 0 0 0 0", *lines, "intr 1 2"]), "self/stat": stat}


@pytest.fixture
def four_cores(monkeypatch):
    monkeypatch.setattr(environment, "_processors", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(environment, "num_cores", lambda: 4)
    monkeypatch.setattr(environment.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("busy", "own", "others", "threads"),
    [
        ([0, 0, 0, 0], 0, 0.0, 4),
        ([100, 0, 0, 0], 100, 0.0, 4),  # that was this process
        ([100, 100, 0, 0], 100, 1.0, 3),
        ([40, 0, 0, 0], 0, 0.4, 4),
        ([40, 30, 0, 0], 0, 0.7, 3),
        ([100, 100, 100, 100], 20, 3.8, 1),
        ([100, 100, 100, 100], 0, 4.0, 1),  # there is always one
        ([0, 0, 0, 0], 5, 0.0, 4),  # counters lag behind one another
    ],
)
def test_what_others_take_leaves_fewer_threads(
    tmp_path, four_cores, busy, own, others, threads
):
    """Two looks, a hundred ticks apart; a fifth processor is not granted."""
    tree(tmp_path, counters([(500, 500)] * 5, own=70))
    load = environment.Load(tmp_path)
    later = [(500 + b, 600 - b) for b in busy] + [(600, 500)]
    tree(tmp_path, counters(later, own=70 + own))
    assert load.others() == pytest.approx(others)
    assert load.threads() == threads


def test_without_counters_others_are_taken_to_be_idle(tmp_path, four_cores):
    """Not Linux; or counters that stand still."""
    assert environment.Load(tmp_path / "none").others() == 0
    assert environment.Load(tmp_path / "none").threads() == 4
    tree(tmp_path, counters([(500, 500)] * 4, own=70))
    assert environment.Load(tmp_path).others() == 0


class Taken:
    """Stands in for `Load`: what others leave at each look, one after the other."""

    def __init__(self, *idle):
        self.idle = list(idle)

    def threads(self):
        return self.idle.pop(0)


@pytest.mark.parametrize(
    ("looks", "threads"),
    [((4,), "4"), ((2, 3), "3"), ((1, 4), "4"), ((3, 1), "3")],
)
def test_a_burst_does_not_cost_threads(monkeypatch, four_cores, looks, threads):
    """What looks busy is looked at once more; an idle machine is not."""
    load = Taken(*looks)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(environment, "CHOSEN", None)
    monkeypatch.setattr(environment, "_AT_IMPORT", load)
    monkeypatch.setattr(environment, "Load", lambda: load)
    environment.choose_threads()
    assert os.environ["OMP_NUM_THREADS"] == environment.CHOSEN == threads
    assert load.idle == []
    environment.choose_threads()  # once and for all
    assert environment.num_threads() == int(threads)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert environment.num_threads() is None


@pytest.mark.parametrize(
    ("user", "looks"),
    [
        ({}, str(environment.SPIN_COUNT)),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, None),
    ],
)
def test_threads_wait_in_short_turns_unless_the_user_says_how(monkeypatch, user, looks):
    """A neighbour that begins after the import then can't make training collapse."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    environment.choose_threads()
    found = os.environ.get("GOMP_SPINCOUNT")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert found == looks


def test_busy_says_what_others_take(monkeypatch, tmp_path, four_cores):
    tree(tmp_path, counters([(0, 0)] * 4, own=0))
    load = environment.Load(tmp_path)
    tree(tmp_path, counters([(90, 10), (60, 40), (0, 100), (0, 100)], own=0))
    monkeypatch.setattr(environment, "Load", lambda: load)
    assert runtime.busy() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("package", "driver", "expected"),
    [
        ("mxnet-cu112", "dxg", True),
        ("mxnet-cu112", "nvidiactl", True),
        ("mxnet-cu112", "null", False),
        ("mxnet", "dxg", False),
    ],
)
def test_a_gpu_needs_its_build_and_a_driver(
    monkeypatch, tmp_path, package, driver, expected
):
    """The driver of WSL2 has another name than that of Linux."""
    installed = types.SimpleNamespace(metadata={"Name": package})
    monkeypatch.setattr(
        environment.importlib.metadata, "distributions", lambda: [installed]
    )
    (tmp_path / driver).touch()
    drivers = (tmp_path / "nvidiactl", tmp_path / "dxg")
    assert environment.has_gpu_build(drivers) is expected


def test_no_gpu_falls_back_with_one_line(capsys):
    if runtime.count_gpus():
        pytest.skip("this machine has a GPU")
    assert runtime.try_gpu().device_type == "cpu"
    assert runtime.try_all_gpus()[0].device_type == "cpu"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("no CUDA" in line and "Using the CPU" in line for line in lines)


def test_a_gpu_that_does_not_compute_is_not_used(capsys, monkeypatch):
    monkeypatch.setattr(runtime, "count_gpus", lambda: 2)
    monkeypatch.setattr(
        runtime, "computes", lambda d: "no kernel image" if d.device_id == 0 else None
    )
    assert runtime.try_gpu().device_type == "cpu"
    assert "no kernel image" in capsys.readouterr().out
    assert [str(d) for d in runtime.try_all_gpus()] == ["gpu(1)"]
    assert runtime.try_gpu(5).device_type == "cpu"
    assert "only 2" in capsys.readouterr().out


def test_computes_tells_a_device_that_can_not():
    assert runtime.computes(runtime.mx.cpu(0)) is None
    assert runtime.computes(runtime.mx.cpu(1)) is None
    if not runtime.count_gpus():
        assert runtime.computes(runtime.mx.gpu(0))


def test_seeds_repeat_and_differ():
    def draw(seed):
        import random

        runtime.seed_everything(seed)
        return (random.random(), numpy.random.rand(), float(np.random.uniform()))

    assert draw(7) == draw(7)
    assert all(a != b for a, b in zip(draw(7), draw(8)))


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range_is_told(seed):
    with pytest.raises(ValueError, match="expected 0 ≤ seed"):
        runtime.seed_everything(seed)


@pytest.mark.parametrize("seed", [1.5, "1", True, None])
def test_a_seed_that_is_no_integer_is_told(seed):
    with pytest.raises(TypeError, match="expected an integer"):
        runtime.seed_everything(seed)
