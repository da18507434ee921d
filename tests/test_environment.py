"""What installs: pins, hashes, no addresses, and a set-up that says what it lacks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_server import DEFAULT_STATIC_FILES_PATH

from d2l_nin.course import arm, lab

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


def test_nothing_names_a_registry():
    """Whoever has an index of his own is not sent to another; put together here."""
    hosts = [".".join(host) for host in (("pypi", "org"), ("pythonhosted", "org"),
                                         ("registry", "npmjs"))]  # fmt: skip
    kinds = (".ipynb", ".md", ".py", ".sh", ".js", ".json", ".yml", ".toml", ".lock")
    folders = (
        "notebooks",
        "slides",
        "site",
        "d2l_nin",
        "benchmarks",
        "tests",
        "binder",
    )
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files = [path for path in [*files, *ROOT.iterdir()] if path.suffix in kinds]
    assert len(files) > 200
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not [host for host in hosts if host in text], path


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


def test_workflow_runs_the_same_command_on_every_python():
    """Some have d2l's own pins, which made the stored outputs."""
    text = (ROOT / ".github" / "workflows" / "course.yml").read_text()
    assert "bash .ci/run" in text
    (matrix,) = re.findall(r"^ +python: \[(.*)\]$", text, re.MULTILINE)
    reference = [version for version in PYTHONS
                 if dict(locked_for(version))["matplotlib"] == "3.7.2"]  # fmt: skip
    assert tuple(re.findall(r"[\d.]+", matrix)) == PYTHONS
    assert reference == ["3.9", "3.10", "3.11"]
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
        "cat requirements.lock pyproject.toml d2l_nin/numpy_names.py "
        "d2l_nin/course/lab.py | cksum",
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


def on(system: str, machine: str) -> str:
    """A uname of another machine."""
    return f'[ "$1" = -s ] && echo "{system}" || echo "{machine}"'


@pytest.mark.parametrize("machine", ["i686", "armv7l"])
def test_a_32_bit_machine_is_told(tmp_path, machine):
    done = setup(tmp_path, uname=on("Linux", machine))
    assert done.returncode == 1 and "32-bit" in done.stderr


def test_musl_is_told(tmp_path):
    ldd = 'echo "musl libc (x86_64)" >&2; exit 1'
    done = setup(tmp_path, uname=on("Linux", "x86_64"), ldd=ldd)
    assert done.returncode == 1 and "musl" in done.stderr and "glibc" in done.stderr


@pytest.mark.parametrize(
    ("free", "full"), [("2097151", True), ("2097152", False), ("-", False)]
)
def test_a_full_disk_is_told(tmp_path, free, full):
    df = f'echo Filesystem; echo "/dev/x 9 9 {free} 9% /"'
    done = setup(tmp_path, uname=on("Linux", "x86_64"), df=df)
    assert done.returncode == 1  # there is no Python either
    assert ("2047 MiB free" in done.stderr) == full
    assert ("needs a 64-bit Python" in done.stderr) != full


# A Python that suits, and says what else it is asked.
PYTHON = """case "$*" in
*find_spec*) exit {mxnet};;
*ensurepip*) exit 0;;
--version) echo "Python of a test";;
*arm.py*) echo "MXNet on ARM needs libopenblas.so.0" >&2; exit 1;;
*" -m pip "*|"-m pip "*) echo "asked: $*"; exit {pip};;
"-m venv"*) for venv; do :; done; echo "asked: $*"
    mkdir -p "$venv/bin"; cat "$0" > "$venv/bin/python"; chmod +x "$venv/bin/python";;
esac"""


def setup_with_python(tmp_path, uname, *, mxnet=0, pip=0, **variables):
    python = PYTHON.format(mxnet=mxnet, pip=pip)
    env = tools(tmp_path / "bin", uname=uname, python=python, python3=python)
    for name in ("chmod", "sed"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return subprocess.run(
        ["/bin/sh", str(ROOT / "setup.sh")],
        env={**env, "VENV": str(tmp_path / "a venv"), **variables},
        capture_output=True, text=True,
    )  # fmt: skip


def test_apple_silicon_takes_the_mxnet_of_conda(tmp_path):
    """The rest from the lock, which loses nothing but MXNet."""
    done = setup_with_python(tmp_path, on("Darwin", "arm64"))
    assert done.returncode == 0, done.stderr
    assert "--system-site-packages" in done.stdout
    taken = (tmp_path / "a venv" / "without-mxnet.lock").read_text()
    block = re.search(r"^mxnet==(?:.*\n)+?    # via.*\n", LOCK, re.MULTILINE)
    assert taken == LOCK.replace(block[0], "") and "mxnet==" not in taken


def test_apple_silicon_without_conda_is_told(tmp_path):
    done = setup_with_python(tmp_path, on("Darwin", "arm64"), mxnet=1)
    assert done.returncode == 1
    assert "conda env create -f environment-macos-arm64.yml" in done.stderr
    text = (ROOT / "environment-macos-arm64.yml").read_text()
    items = re.findall(r"^ +- (.+)$", text, re.MULTILINE)
    assert items == ["defaults", "python=3.10", "py-mxnet=1.9.1", "pip"]


def test_arm_without_its_libraries_is_told_before_anything_is_installed(tmp_path):
    done = setup_with_python(tmp_path, on("Linux", "aarch64"))
    assert done.returncode == 1 and "needs libopenblas.so.0" in done.stderr
    assert "-m pip" not in done.stdout


def test_a_folder_of_wheels_needs_no_network(tmp_path):
    (tmp_path / "my wheels").mkdir()
    (tmp_path / "my wheels" / "a.whl").write_text("")
    done = setup_with_python(
        tmp_path, on("Linux", "x86_64"), WHEELS=str(tmp_path / "my wheels")
    )
    assert done.returncode == 0, done.stderr
    asked = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert len(asked) == 2
    for line in asked:
        assert f"--no-index --find-links {tmp_path}/my wheels" in line


def test_a_folder_without_wheels_is_told(tmp_path):
    done = setup_with_python(tmp_path, on("Linux", "x86_64"), WHEELS=str(tmp_path))
    assert done.returncode == 1 and "make wheels" in done.stderr


def test_an_install_that_fails_names_the_ways_out(tmp_path):
    done = setup_with_python(tmp_path, on("Linux", "x86_64"), pip=1)
    assert done.returncode == 1
    for word in ("HTTPS_PROXY", "PIP_INDEX_URL", "WHEELS=folder"):
        assert word in done.stderr
    assert not (tmp_path / "a venv" / ".ready").exists()


def test_the_named_python_says_its_version(tmp_path):
    (tmp_path / "old").write_text(
        '#!/bin/sh\n[ "$2" = "${2#*ensurepip}" ] && echo 3 8\n'
    )
    (tmp_path / "old").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "setup.sh")],
        env={**os.environ, "PYTHON": str(tmp_path / "old"),
             "VENV": str(tmp_path / "v")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and "Python 3.8, does not run, is not" in done.stderr


def test_binder_installs_the_course_itself():
    """environment.yml can't: pip wants a hash of all that stands beside the lock.

    Without the folder Binder would build the Dockerfile and read neither file.
    """
    script = ROOT / "binder" / "postBuild"
    assert os.access(script, os.X_OK) and "-e ." in script.read_text()
    text = (ROOT / "binder" / "environment.yml").read_text()
    for_conda = (ROOT / "environment.yml").read_text()
    assert text[text.index("name:") :].replace("../", "") == for_conda
    assert (ROOT / "binder" / "../requirements.lock").exists()


def test_the_container_is_what_readme_says():
    text = (ROOT / "Dockerfile").read_text()
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    stages = re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE)
    assert settings["build"]["target"] in stages
    users = re.findall(r"^USER (\w+)$", text, re.MULTILINE)
    assert users == [settings["remoteUser"]] == ["reader"]
    for package in ("libopenblas0-pthread", "liblapacke", "libgomp1"):
        assert package in text and package in arm.COMMANDS["apt-get"]
    assert "EXPOSE 8888" in text and "--ip=0.0.0.0" in text


def test_the_lab_is_quiet_and_hides_what_is_folded(tmp_path):
    """The same in this environment, which setup.sh made, as in an empty folder."""
    lab.set_up(tmp_path, tmp_path / "static")
    lab.set_up(tmp_path, tmp_path / "static")  # a second start
    style = (tmp_path / "static" / "custom" / "custom.css").read_text()
    assert "Your prediction first" in style
    made = list(tmp_path.rglob("*.json"))
    assert {path.name for path in made} == {"overrides.json", "jupyter_lab_config.json"}
    if (Path(sys.prefix) / ".ready").exists():  # not in conda's environment
        for path in made:
            there = Path(sys.prefix) / path.relative_to(tmp_path)
            assert json.loads(path.read_text()) == json.loads(there.read_text())
        static = Path(DEFAULT_STATIC_FILES_PATH)
        assert (static / "custom" / "custom.css").read_text() == style
