"""What an answer may take while it is tried: time, printing, random numbers."""

from __future__ import annotations

import io
import signal
import sys
import threading
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import mxnet as mx

__all__ = ["MOST_PRINTED", "TooSlow", "few_prints", "own_random_numbers", "within"]

# Lines of these files are not the answer's: an alarm goes on to one that is.
_OURS = {str(Path(__file__).with_name(f"{name}.py"))
         for name in ("exercise", "expect", "limits")}  # fmt: skip

MOST_PRINTED = 2000  # characters that an answer may print while it is tried


class TooSlow(BaseException):
    """The time limit is over. Not an Exception, so that an answer seldom catches it."""


def within(seconds: float, check, *arguments) -> None:
    """Call `check`; raise TooSlow in it when `seconds` are over.

    Only the main thread can be interrupted, and only where Python runs; elsewhere the
    limit is looked at when the check is done. The alarm rings again and again; from the
    second time on the answer's next line raises too, for one that catches all.
    """
    start = time.perf_counter()
    alarm = _Alarm(seconds, check.__code__, sys._getframe())
    try:
        with alarm:
            check(*arguments)
    except Exception as error:
        # An answer may make an error of its own of being stopped.
        if time.perf_counter() - start > seconds:
            raise TooSlow from error
        raise
    if time.perf_counter() - start > seconds:
        raise TooSlow


class _Alarm:
    """Rings after some seconds, and every hundredth of a second from then on.

    Parameters
    ----------
    seconds : float
    code : code object
        Of the check: before it has begun and when it is done, nothing is raised.
    caller : frame
        The one that calls the check.
    """

    def __init__(self, seconds: float, code, caller):
        self.seconds, self.code, self.caller = seconds, code, caller
        self.rings, self.start = 0, time.perf_counter()
        self.traced_before = sys.gettrace()
        self.rung = (
            hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
        )
        self.handler = self.timer = None

    def __enter__(self) -> None:
        if self.rung:
            self.handler = signal.signal(signal.SIGALRM, self._ring)
            self.timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, 0.01)

    def __exit__(self, *_) -> None:
        if not self.rung:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.rings > 1:
            sys.settrace(self.traced_before)
        signal.signal(signal.SIGALRM, self.handler or signal.SIG_DFL)
        left, every = self.timer
        if left:  # somebody else's alarm goes on, late rather than never
            left -= time.perf_counter() - self.start
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6), every)

    def _ring(self, _, frame) -> None:
        frames = []
        while frame is not None and frame is not self.caller:
            frames.append(frame)
            frame = frame.f_back
        if frame is None or not frames or frames[-1].f_code is not self.code:
            return  # the check has not begun, or is done
        self.rings += 1
        if self.rings > 1:
            for frame in frames:
                if frame.f_code.co_filename not in _OURS:
                    frame.f_trace = self._stop_at_next_line
            sys.settrace(self._stop_at_next_line)
        raise TooSlow

    def _stop_at_next_line(self, frame, event, _):
        if frame.f_code.co_filename in _OURS:
            return None
        if event != "line":
            return self._stop_at_next_line
        # Python takes a trace function away that raises. The next ring sets it again:
        # now and then soon enough to meet the handler of this very exception.
        soon = 1e-6 * (1 + self.rings % 40)
        signal.setitimer(signal.ITIMER_REAL, soon, 0.01)
        raise TooSlow


class _Printed(io.TextIOBase):
    """Hands on what an answer prints, up to a limit for both of its streams."""

    def __init__(self, stream, count: list):
        super().__init__()
        self._stream, self._count = stream, count

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        left = max(MOST_PRINTED - self._count[0], 0)
        self._count[0] += len(text)
        if left:
            self._stream.write(text[:left])
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def few_prints():
    """Cut off what is printed in the block; gives [how many characters it was]."""
    count = [0]
    out, err = (_Printed(stream, count) for stream in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield count


@contextmanager
def own_random_numbers():
    """A check may seed MXNet; what the reader draws afterwards must not depend on it.

    MXNet can't be asked for the state of its generators, so they go on from a number
    that is drawn before.
    """
    go_on_from = int(mx.nd.random.randint(0, 2**31 - 1, shape=1).asnumpy()[0])
    try:
        yield
    finally:
        mx.random.seed(go_on_from)
