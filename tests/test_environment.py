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


def test_the_lock_holds_what_pyproject_asks_for():
    from packaging.requirements import Requirement

    versions = locked()
    for text in wanted():
        requirement = Requirement(text)
        name = requirement.name.lower().replace("_", "-")
        assert name in versions, f"{name} is not in the lock: make lock"
        for version in versions[name]:
            assert requirement.specifier.contains(version), (name, version)


def test_every_locked_package_has_hashes_and_no_address():
    blocks = re.split(r"\n(?=\w\S*==)", LOCK)[1:]
    assert len(blocks) > 80
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK and "index-url" not in LOCK
    assert "make lock" in LOCK.splitlines()[1]


def test_the_lock_reaches_down_to_python_3_9():
    """Packages that dropped a Python are locked twice, each version with its marker."""
    from packaging.markers import Marker

    markers = re.findall(rf"^{NAME}==[\w.]+ ; (.+?) \\$", LOCK, re.MULTILINE)
    chosen = {}
    for version in ("3.9", "3.10", "3.11"):
        environment = {"python_version": version, "python_full_version": f"{version}.9",
                       "sys_platform": "linux", "platform_system": "Linux",
                       "os_name": "posix", "implementation_name": "cpython",
                       "platform_python_implementation": "CPython"}  # fmt: skip
        names = [name for name, marker in markers
                 if Marker(marker).evaluate(environment)]  # fmt: skip
        assert len(names) == len(set(names)), f"two versions of one on {version}"
        chosen[version] = names
    assert "anyio" in chosen["3.9"] and len(locked()["anyio"]) > 1


def test_one_pillow_for_all_pythons():
    """Figures are compared; two versions could draw differently."""
    assert all(len(locked()[name]) == 1 for name in ("pillow", "matplotlib", "numpy"))


def test_environment_yml_can_not_drift():
    text = (ROOT / "environment.yml").read_text()
    items = re.findall(r"^ +- (.+)$", text, re.MULTILINE)
    assert items[:4] == ["conda-forge", "python=3.11", "pip", "pip:"]
    assert items[4:] == ["-r requirements.lock"]
    assert PROJECT["project"]["requires-python"] == ">=3.9,<3.12"


def test_what_is_installed_is_what_is_locked():
    from importlib import metadata

    versions = locked()
    for name in ("mxnet", "d2l", "numpy", "matplotlib", "nbval", "nbclient"):
        assert metadata.version(name) in versions[name]


def test_workflow_runs_the_same_command_on_three_pythons():
    text = (ROOT / ".github" / "workflows" / "course.yml").read_text()
    assert "bash .ci/run" in text
    for version in ("3.9", "3.10", "3.11"):
        assert f'"{version}"' in text
    assert "make test" in (ROOT / ".ci" / "run").read_text()


# --- setup.sh -------------------------------------------------------------------


def tools(folder: Path, **scripts: str) -> dict:
    """A PATH with the usual commands and these scripts instead of any Python."""
    folder.mkdir()
    for name in ("cat", "cksum", "dirname", "rm", "sh", "mkdir"):
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
    assert "This course needs Python 3.9, 3.10 or 3.11" in done.stderr
    assert "python3.11-venv" in done.stderr and "conda env create" in done.stderr


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
        "cksum < requirements.lock",
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
