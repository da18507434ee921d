"""What installs: pins, hashes, no addresses, and a set-up that says what it lacks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:  # pip carries one with every environment
    from pip._vendor import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
NAME = r"([\w.-]+)(?:\[[\w,-]+\])?"  # bleach, or bleach[css]


def locked():
    """From a package's name to the versions the lock allows."""
    versions = {}
    for name, version in re.findall(rf"^{NAME}==([\w.]+)", LOCK, re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def wanted():
    requirements = list(PROJECT["project"]["dependencies"])
    for name, group in PROJECT["dependency-groups"].items():
        if name != "bench":  # has an environment of its own
            requirements += group
    return requirements


def marked_for(version: str) -> dict:
    """What markers are judged by, on Linux with that Python."""
    return {"python_version": version, "python_full_version": f"{version}.9",
            "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix",
            "implementation_name": "cpython", "platform_machine": "x86_64",
            "platform_python_implementation": "CPython"}  # fmt: skip


def locked_for(version: str) -> list:
    """Name and version of all that the lock installs on one Python."""
    from packaging.markers import Marker

    found = re.findall(rf"^{NAME}==([\w.]+)(?: ; (.+?))? \\$", LOCK, re.MULTILINE)
    return [(name, locked_version) for name, locked_version, marker in found
            if not marker or Marker(marker).evaluate(marked_for(version))]  # fmt: skip


@pytest.mark.parametrize("version", PYTHONS)
def test_the_lock_holds_what_pyproject_asks_for(version):
    from packaging.requirements import Requirement

    versions = dict(locked_for(version))
    for text in wanted():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker and not marker.evaluate(marked_for(version)):
            continue
        name = requirement.name.lower().replace("_", "-")
        assert name in versions, f"{name} is not in the lock: make lock"
        assert requirement.specifier.contains(versions[name]), (name, versions[name])


def test_every_locked_package_has_hashes_and_no_address():
    blocks = re.split(r"\n(?=\w\S*==)", LOCK)[1:]
    assert len(blocks) > 80
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK and "index-url" not in LOCK
    assert "make lock" in LOCK.splitlines()[1]


def test_each_python_gets_one_version_of_each_package():
    """Packages that dropped a Python are locked twice, each version with its marker."""
    chosen = {version: dict(locked_for(version)) for version in PYTHONS}
    for version in PYTHONS:
        assert len(locked_for(version)) == len(chosen[version])
    assert chosen["3.9"]["anyio"] != chosen["3.14"]["anyio"]
    assert chosen["3.11"]["numpy"] == "1.23.5" < chosen["3.12"]["numpy"]


def test_one_pillow_for_all_pythons():
    """Characters and pictures are compared; two versions could draw differently."""
    assert len(locked()["pillow"]) == 1
    assert "1.23.5" in locked()["numpy"] and len(locked()["numpy"]) == 2
    assert "3.7.2" in locked()["matplotlib"] and len(locked()["matplotlib"]) == 2


def test_environment_yml_can_not_drift():
    text = (ROOT / "environment.yml").read_text()
    items = re.findall(r"^ +- (.+)$", text, re.MULTILINE)
    assert items[:4] == ["conda-forge", "python=3.11", "pip", "pip:"]
    assert items[4:] == ["-r requirements.lock"]
    assert PROJECT["project"]["requires-python"] == ">=3.9,<3.15"


def test_what_is_installed_is_what_is_locked():
    from importlib import metadata

    versions = locked()
    for name in ("mxnet", "d2l", "numpy", "matplotlib", "nbval", "nbclient"):
        assert metadata.version(name) in versions[name]


def test_workflow_runs_the_same_command_on_the_reference_versions():
    """Those with d2l's own pins, which made the stored outputs."""
    text = (ROOT / ".github" / "workflows" / "course.yml").read_text()
    assert "bash .ci/run" in text
    (matrix,) = re.findall(r"^ +python: \[(.*)\]$", text, re.MULTILINE)
    reference = [version for version in PYTHONS
                 if dict(locked_for(version))["matplotlib"] == "3.7.2"]  # fmt: skip
    assert re.findall(r"[\d.]+", matrix) == reference == ["3.9", "3.10", "3.11"]
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_a_clone_made_on_windows_has_no_crlf(tmp_path):
    """Git for Windows turns LF into CRLF unless .gitattributes forbids it."""

    def git(*command, cwd=tmp_path):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *command], cwd=cwd, check=True,
                       capture_output=True)  # fmt: skip

    source, names = tmp_path / "source", ("setup.sh", "Makefile", "pyproject.toml")
    source.mkdir()
    for name in (".gitattributes", *names):
        (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "other.sh").write_bytes(b"#!/bin/sh\r\ntrue\r\n")
    git("init", "-q", cwd=source)
    git("add", ".", cwd=source)
    git("commit", "-qm", "a", cwd=source)
    git("clone", "-q", "-c", "core.autocrlf=true", "source", "with")
    for name in (*names, "other.sh"):
        assert b"\r" not in (tmp_path / "with" / name).read_bytes()
    git("rm", "-q", ".gitattributes", cwd=source)
    git("commit", "-qm", "b", cwd=source)
    git("clone", "-q", "-c", "core.autocrlf=true", "source", "without")
    assert b"\r" in (tmp_path / "without" / "setup.sh").read_bytes()


def test_numpy_gets_only_the_names_that_it_lacks():
    import types

    import numpy

    from d2l_nin import numpy_names

    old = types.SimpleNamespace(**vars(numpy))
    for name in numpy_names.stand_ins(numpy):
        vars(old).pop(name, None)
    old.PINF = "kept"
    given = numpy_names.give_back(old)
    assert old.PINF == "kept" and "PINF" not in given
    assert {"NaN", "bool", "round_", "compat"} <= set(given)
    assert numpy_names.give_back(old) == []
    assert old.in1d([[1, 2], [3, 4]], [2, 3]).tolist() == [False, True, True, False]
    assert old.msort(numpy.array([[3, 1], [2, 5]])).tolist() == [[2, 1], [3, 5]]


def test_a_plain_import_of_mxnet_gets_them_too():
    """Through the .pth that the wheel brings, without any module of the course."""
    code = ("import sys; import mxnet; from mxnet import np; "
            "assert 'd2l_nin' not in sys.modules; "
            "print(np.pad(np.ones((1, 1)), ((1, 1), (1, 1))).shape)")  # fmt: skip
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd="/",
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.strip() == "(3, 3)", done.stderr


# --- setup.sh -------------------------------------------------------------------


def tools(folder: Path, **scripts: str) -> dict:
    """A PATH with the usual commands and these scripts instead of any Python."""
    folder.mkdir()
    for name in ("cat", "cksum", "ls", "dirname", "rm", "sh", "mkdir"):
        for place in os.environ["PATH"].split(os.pathsep):
            if (Path(place) / name).exists():
                (folder / name).symlink_to(Path(place) / name)
                break
    for name, text in scripts.items():
        path = folder / name.replace("_", ".")
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return {"PATH": str(folder), "HOME": str(folder)}


def setup(tmp_path, **scripts):
    return subprocess.run(
        ["/bin/sh", str(ROOT / "setup.sh")],
        env={**tools(tmp_path / "bin", **scripts), "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
    )


def test_no_python_at_all_says_what_to_install(tmp_path):
    done = setup(tmp_path, uname='[ "$1" = -s ] && echo Linux || echo x86_64')
    assert done.returncode == 1
    assert "This course needs a 64-bit Python, 3.9 to 3.14" in done.stderr
    assert "python3-venv" in done.stderr and "conda env create" in done.stderr


def test_a_python_too_new_asks_uv_then_says_what_to_install(tmp_path):
    done = setup(
        tmp_path,
        uname='[ "$1" = -s ] && echo Linux || echo x86_64',
        python3="exit 1",  # no version suits, and no venv can be made
        uv='echo "uv was asked: $*"; exit 2',
    )
    assert done.returncode == 1
    assert "uv was asked: venv" in done.stdout and "--python 3.11" in done.stdout
    assert "uv could not bring one" in done.stderr


@pytest.mark.parametrize(
    ("system", "machine", "message"),
    [("Darwin", "arm64", "Apple silicon"), ("MINGW64_NT-10.0", "x86_64", "WSL2")],
)
def test_platforms_without_mxnet_are_told(tmp_path, system, machine, message):
    done = setup(tmp_path, uname=f'[ "$1" = -s ] && echo {system} || echo {machine}')
    assert done.returncode == 1 and message in done.stderr


def test_a_named_python_that_does_not_suit_is_told(tmp_path):
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "setup.sh")],
        env={**os.environ, "PYTHON": "/bin/false", "VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "PYTHON=/bin/false does not run" in done.stderr


def set_up_again(folder: Path, **variables: str):
    """A second start, in a venv of this Python that records this lock."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    wanted_now = subprocess.run(
        "cat requirements.lock pyproject.toml d2l_nin/numpy_names.py | cksum",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    (venv / ".ready").write_text(wanted_now)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "setup.sh")],
        env={"PATH": os.environ["PATH"], "VENV": str(venv), **variables},
        capture_output=True,
        text=True,
    )


def test_the_second_start_installs_nothing(tmp_path):
    """A venv that records this lock is left alone, without even looking for Python."""
    done = set_up_again(tmp_path)
    assert done.returncode == 0 and done.stdout == ""


def test_another_python_makes_the_venv_anew(tmp_path):
    """In a folder with a space; the same Python under another name does not."""
    folder = tmp_path / "my tools"
    folder.mkdir()
    same, other = folder / "python", folder / "other"
    same.symlink_to(sys.executable)
    other.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '*"print("*) echo 3 8;;\n'  # what version it is
        '*ensurepip*) exit 0;;\n'  # whether it suits
        '--version) echo "Python of a test";;\n'
        '*) echo "asked: $*"; exit 3;;\n'
        "esac\n"
    )  # fmt: skip
    other.chmod(0o755)
    done = set_up_again(tmp_path / "first", PYTHON=str(same))
    assert done.returncode == 0 and done.stdout == ""
    done = set_up_again(tmp_path / "my second", PYTHON=str(other))
    assert done.returncode == 3
    assert "with Python of a test" in done.stdout
    assert f"asked: -m venv --clear {tmp_path}/my second/venv" in done.stdout


def test_a_folder_with_a_space_reaches_setup_whole(tmp_path):
    """What the Makefile calls, without running it."""
    shown = subprocess.run(
        ["make", "-n", "run", "clean", "VENV=my venv"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert 'VENV="my venv" ./setup.sh' in shown
    assert '"my venv/bin/python" -m d2l_nin run' in shown
    assert 'rm -rf "my venv" build' in shown
