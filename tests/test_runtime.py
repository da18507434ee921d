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
    assert out == f"{environment.num_cores()} NaiveEngine"
    assert err == ""


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


def test_a_container_quota_limits_the_cores(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("100000 100000\n")
    assert environment.num_cores(quota) == 1
    quota.write_text("max 100000\n")
    assert environment.num_cores(quota) == environment.num_cores(tmp_path / "none")
    quota.write_text("50000 100000\n")
    assert environment.num_cores(quota) == 1


@pytest.mark.parametrize(
    ("quota", "limited"),
    [("100000", True), ("50000", True), ("-1", False), ("", False)],
)
def test_a_quota_of_cgroup_v1_limits_the_cores(tmp_path, quota, limited):
    """As in Docker on older Linux."""
    none = tmp_path / "none"
    (tmp_path / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    found = environment.num_cores(none, tmp_path)
    assert found == (1 if limited else environment.num_cores(none, none))


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
