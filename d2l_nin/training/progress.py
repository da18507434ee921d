"""What someone who waits sees of a run."""

from __future__ import annotations

import os
import sys

from tqdm import tqdm

from d2l_nin.training.history import History


def _notebook_is_live() -> bool:
    """Whether a person is likely to look at this notebook while it runs."""
    if os.environ.get("D2L_NIN_LIVE") == "0" or os.environ.get("CI"):
        return False
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def someone_looks() -> bool:
    """Whether a person is likely to wait for what runs, in a notebook or a terminal."""
    in_terminal = sys.stderr.isatty() and not os.environ.get("CI")
    return _notebook_is_live() or in_terminal


class _Bar:
    """A progress bar for terminals."""

    def __init__(self, num_steps: int):
        self.bar = tqdm(total=num_steps, unit="batch", dynamic_ncols=True, leave=False)

    def update(self, history: History) -> None:
        done = len(history.losses)
        if done:
            self.bar.set_postfix_str(f"loss {history.losses[-1]:.3f}", refresh=False)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        self.bar.close()


def _make_view(progress: bool | None, num_steps: int):
    """The live curve in a notebook, a bar in a terminal, else nothing."""
    if progress is False:
        return None
    if _notebook_is_live():
        # Here, as Matplotlib takes a second and most runs draw nothing.
        from d2l_nin.figures.curves import LiveCurve

        return LiveCurve(num_steps)
    if progress or someone_looks():
        return _Bar(num_steps)
    return None
