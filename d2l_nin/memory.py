"""Memory: the most that a process ever held, and what cycles of objects keep.

Of Python's own library alone: the bench runs it under an interpreter with PyTorch, and
`chapters` sends its text into a kernel.
"""

import gc
import resource
import sys
import time
from pathlib import Path


def peak_mib() -> float:
    """Memory of this process at its peak, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the memory of the parent
        line = next(x for x in status.read_text().splitlines() if "VmHWM" in x)
        return int(line.split()[1]) / 2**10
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


_collected = -float("inf")  # when `free_cycles` last did something


def free_cycles(seconds: float = 1.0) -> None:
    """Free objects that refer to each other in circles, as Gluon's blocks do.

    Without this the memory of nets that nobody holds any more stays taken until Python
    happens to look for circles. A look takes longer than a short run: there is at most
    one in so many seconds, in which little can pile up.
    """
    global _collected
    if time.monotonic() - _collected >= seconds:
        gc.collect()
        _collected = time.monotonic()
