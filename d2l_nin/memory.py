"""Floor 0: the most memory that a process ever held.

Of Python's own library alone: the bench runs it under an interpreter with PyTorch, and
`chapters` sends its text into a kernel.
"""

import resource
import sys
from pathlib import Path


def peak_mib() -> float:
    """Memory of this process at its peak, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says begins with the memory of the parent
        line = next(x for x in status.read_text().splitlines() if "VmHWM" in x)
        return int(line.split()[1]) / 2**10
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
