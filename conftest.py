"""What every test needs: no network, no user's settings, dates that never change."""

import atexit
import os
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

# Before pytest collects anything, so that notebook kernels inherit it.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [
        str(Path(__file__).parent / "tests" / "offline"),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]
)

# With `-n 2` the processes share the cores: two threads each would wait for each other.
# Not `setdefault`: the process that starts them has set it to all cores for itself.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

# Before any test module imports mxnet, so that the tests run under the course's engine.
import d2l_nin  # noqa: F401
from d2l_nin.course.settings import kernel_environment
from tests import DRAWN_BY

# The kernels of nbval, and all that tests start, have settings of their own.
_SETTINGS = Path(tempfile.mkdtemp(prefix="d2l_nin-tests-"))
atexit.register(shutil.rmtree, _SETTINGS, ignore_errors=True)
os.environ.update(kernel_environment(_SETTINGS))


def pytest_configure(config):
    """nbval leaves out the numbers that verdicts judge themselves.

    Where another matplotlib draws, it leaves out the bytes of figures as well: what
    their alt text says of them is compared everywhere.
    """
    if getattr(config.option, "nbval_sanitize_with", ...) is None:
        same = metadata.version("matplotlib") == DRAWN_BY
        name = "verdicts.cfg" if same else "verdicts_and_figures.cfg"
        config.option.nbval_sanitize_with = str(Path(__file__).parent / "tests" / name)
