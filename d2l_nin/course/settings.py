"""Kernels that depend on no setting of the user who starts them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.font_manager  # makes the list of fonts if there is none

__all__ = ["kernel_environment", "own_settings"]


def kernel_environment(folder: Path) -> dict[str, str]:
    """Variables that give IPython, Jupyter and matplotlib `folder` for their settings.

    A profile of the user can't change what a cell shows then, and a home that can't be
    written to keeps no kernel from starting. No live curves are drawn, since nobody
    watches, and dates in files are the same every time.
    """
    names = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "jupyter-config",
        "JUPYTER_DATA_DIR": "jupyter-data",
        "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
        "MPLCONFIGDIR": "matplotlib",
    }
    for name in names.values():
        (folder / name).mkdir(parents=True, exist_ok=True)
    # Without the list of fonts each kernel would take seconds to make it again.
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        if fonts.parent != folder / "matplotlib":
            shutil.copy(fonts, folder / "matplotlib")
    return {
        **{variable: str(folder / name) for variable, name in names.items()},
        "D2L_NIN_LIVE": "0",
        "SOURCE_DATE_EPOCH": "0",
    }


@contextmanager
def own_settings() -> Iterator[dict[str, str]]:
    """This process and the kernels that it starts have settings of their own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="d2l_nin-") as folder:
        os.environ.update(kernel_environment(Path(folder)))
        try:
            yield dict(os.environ)
        finally:
            os.environ.clear()
            os.environ.update(before)
