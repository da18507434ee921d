"""What someone who waits sees of a run."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import time

from tqdm import tqdm

from d2l_nin.environment import Load
from d2l_nin.training.history import History

_one_bar = contextvars.ContextVar("one bar for all", default=False)


@contextlib.contextmanager
def one_bar_for_all():
    """Within it, no run shows a view of its own: what starts them all has a bar."""
    token = _one_bar.set(True)
    try:
        yield
    finally:
        _one_bar.reset(token)


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


class Neighbours:
    """Whether other programs take cores from a run, looked at now and then.

    Parameters
    ----------
    seconds : float
        From one look to the next.
    """

    def __init__(self, seconds: float = 3.0):
        self.seconds = seconds
        self.looking, self.taken = Load(), 0.0

    def remark(self) -> str:
        """What to tell someone who waits; nothing while the others take little."""
        if time.monotonic() - self.looking.since >= self.seconds:
            self.taken, self.looking = self.looking.others(), Load()
        if self.taken < 0.5:
            return ""
        return f"slower: other programs take {self.taken:.1f} cores"


class _Bar:
    """A progress bar for terminals."""

    def __init__(self, num_steps: int):
        self.bar = tqdm(total=num_steps, unit="batch", dynamic_ncols=True, leave=False)
        self.neighbours = Neighbours()

    def update(self, history: History) -> None:
        done = len(history.losses)
        if done:
            told = [f"loss {history.losses[-1]:.3f}", self.neighbours.remark()]
            self.bar.set_postfix_str(", ".join(filter(None, told)), refresh=False)
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        self.bar.close()


class _CurveWithRemark:
    """A live curve, and one line below it the first time that the machine is busy."""

    def __init__(self, curve):
        self.curve, self.neighbours, self.told = curve, Neighbours(), False

    def update(self, history: History) -> None:
        self.curve.update(history)
        remark = "" if self.told else self.neighbours.remark()
        if remark:
            print(f"This run is {remark}.", file=sys.stderr)
            self.told = True

    def close(self) -> None:
        self.curve.close()


def _make_view(progress: bool | None, num_steps: int):
    """The live curve in a notebook, a bar in a terminal, else nothing."""
    if progress is False or _one_bar.get():
        return None
    if _notebook_is_live():
        # Here, as Matplotlib takes a second and most runs draw nothing.
        from d2l_nin.figures.curves import LiveCurve

        return _CurveWithRemark(LiveCurve(num_steps))
    if progress or someone_looks():
        return _Bar(num_steps)
    return None
