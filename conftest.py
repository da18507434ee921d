"""What every test needs: no network, no live curves, dates that never change."""

import os
from pathlib import Path

# Before pytest collects anything, so that notebook kernels inherit it.
os.environ["D2L_NIN_LIVE"] = "0"
os.environ["SOURCE_DATE_EPOCH"] = "0"
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
