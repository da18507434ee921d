"""MXNet's wheel on ARM: which links it asks for, where they lead, what is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_nin.course import arm, doctor

SCRIPT = str(Path(__file__).parent.parent / "d2l_nin" / "course" / "arm.py")
DEBIAN = "libopenblas0-pthread"


@pytest.fixture
def library(tmp_path):
    """A libmxnet.so that asks for all three, as the wheel's does."""
    folder = tmp_path / "mxnet"
    folder.mkdir()
    names = b"\0".join(name.encode() for name in arm.LINKS)
    (folder / "libmxnet.so").write_bytes(b"\x7fELF\0" + names + b"\0libdl.so.2\0")
    return folder / "libmxnet.so"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A folder with all that is needed, spread as Debian spreads it."""
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    (tmp_path / "lib" / "openblas").mkdir(parents=True)
    for name in arm.NEEDED:
        below = "openblas" if "blas" in name else ""
        (tmp_path / "lib" / below / name).write_text(name)
    return tmp_path / "lib", tmp_path / "lib" / "openblas"


def test_three_links_lead_to_the_systems_libraries(library, system):
    made = arm.link(library, arm.find(system))
    assert made == ["libarmpl_lp64_mp.so", "libamath.so", "libastring.so"]
    read = [library.with_name(name).read_text() for name in made]
    assert read == ["libopenblas.so.0", "liblapacke.so.3", "libm.so.6"]
    assert arm.link(library, arm.find(system)) == []


def test_what_is_there_stays_and_what_leads_nowhere_is_replaced(library, system):
    library.with_name("libamath.so").write_text("Arm's own")
    library.with_name("libastring.so").symlink_to("/nowhere")
    assert arm.link(library, arm.find(system)) == [
        "libarmpl_lp64_mp.so",
        "libastring.so",
    ]
    assert library.with_name("libamath.so").read_text() == "Arm's own"
    assert library.with_name("libastring.so").read_text() == "libm.so.6"


def test_a_build_that_asks_for_none_gets_none(library, system):
    """Conda's, or the wheel for x86-64; a longer name is another library."""
    library.write_bytes(b"\x7fELF\0libopenblas.so.0\0xlibamath.so\0libamath.so.1\0")
    assert arm.asked_for(library) == [] == arm.link(library, arm.find(system))
    assert sorted(library.parent.iterdir()) == [library]


@pytest.mark.parametrize(
    ("manager", "command"), [*arm.COMMANDS.items(), ("none", "LD_LIBRARY_PATH")]
)
def test_one_command_brings_what_is_missing(
    library, system, monkeypatch, manager, command
):
    monkeypatch.setattr(arm.shutil, "which", lambda name: name == manager or None)
    (system[1] / "libopenblas.so.0").unlink()
    found = arm.find(system)
    assert command in arm.to_install(found)
    with pytest.raises(FileNotFoundError, match=r"expected libopenblas\.so\.0"):
        arm.link(library, found)


def test_a_folder_named_by_the_environment_comes_first(system, tmp_path, monkeypatch):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "libm.so.6").write_text("own")
    monkeypatch.setenv("LD_LIBRARY_PATH", f"{tmp_path / 'own'}")
    assert arm.find(system)["libm.so.6"].read_text() == "own"
    assert arm.to_install(arm.find(system)) == ""


def test_the_script_needs_no_package(library, system):
    """As setup.sh starts it: first without MXNet, then with it."""

    def start(path="", **variables):
        # Set in the child: the loader of this machine would take these files.
        code = (f"import os, runpy; os.environ.update({variables!r}); "
                f"runpy.run_path({SCRIPT!r}, run_name='__main__')")  # fmt: skip
        return subprocess.run(
            [sys.executable, "-S", "-c", code],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
            capture_output=True, text=True,
        )  # fmt: skip

    where = os.pathsep.join(map(str, system))
    done = start(LD_LIBRARY_PATH=where)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (library.parent / "__init__.py").write_text("raise ImportError")
    done = start(LD_LIBRARY_PATH=where, path=str(library.parents[1]))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Linked ") == 3
    assert library.with_name("libamath.so").exists()


def test_the_script_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(arm, "find", dict)
    assert arm.main() == 1
    assert "needs libopenblas.so.0, liblapacke.so.3" in capsys.readouterr().err


def test_doctor_knows_the_case(library, system, monkeypatch):
    monkeypatch.setattr(arm, "libmxnet", lambda: library)
    monkeypatch.setattr(arm.find, "__defaults__", ((),))
    monkeypatch.setattr(arm.shutil, "which", lambda name: name == "apt-get" or None)
    (finding,) = doctor._arm()
    assert finding.subject == "ARM"
    assert finding.fatal and DEBIAN in finding.mend and "make clean" in finding.mend
    arm.link(library, arm.find(system))
    (finding,) = doctor._arm()
    assert not finding.mend and "libamath.so" in finding.found
