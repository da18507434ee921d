"""What a check answers a reader, whatever the answer does."""

# Answers catch everything here, on purpose.
# ruff: noqa: B012, E722, SIM105

import re
import signal
import sys
import threading
import time
from decimal import Decimal
from fractions import Fraction

import mxnet as mx
import numpy
import pytest
from IPython.core.interactiveshell import InteractiveShell
from mxnet import np, npx
from mxnet.gluon import HybridBlock, nn

from d2l_nin.checks import expect as framework
from d2l_nin.checks.exercise import FAILED, RIGHT, TOO_SLOW, UNANSWERED, WRONG, exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_accuracies,
    as_array,
    as_net,
    as_number,
    as_text,
    as_whole_number,
    call,
    expect_close,
    expect_shape,
)
from d2l_nin.checks.limits import MOST_PRINTED


def same_each_time(value) -> str:
    """A test's name without addresses: the same in each process of a run."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


needs_alarms = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no alarms on this system"
)


@exercise("weak", "stronger", "strongest", remember="Doubling is adding.", seconds=0.3)
def doubled(answer):
    """A function that doubles.

    The whole of it.
    """
    X = np.array([[1.0, -2.0]])
    expect_close(call(answer, X), 2 * X.asnumpy(), [(X.asnumpy(), "Unchanged.")])


@exercise("weak", "stronger", remember="Calling is easy.", seconds=0.3)
def called(answer):
    call(answer)


def said(function, *arguments, **options):
    """(expected, came, mistake) of the Wrong that is raised."""
    with pytest.raises(Wrong) as caught:
        function(*arguments, **options)
    wrong = caught.value
    return wrong.expected, wrong.came, wrong.mistake


def never_ends():
    while True:
        pass


# --- unanswered ------------------------------------------------------------------


def dots(X): ...


def passes(X):
    pass


def documented(X):
    """To do."""


def documented_and_dots(X):
    """To do."""
    ...  # noqa: PIE790


def returns_none(X):
    return None


def returns_dots(X):
    return ...


class Dots: ...


class Passes(nn.HybridBlock):
    pass


class Documented(nn.Block):
    """To do."""


class WithStubs(nn.Block):
    """To do."""

    def __init__(self):
        super().__init__()

    def forward(self, X):
        """To do."""


UNANSWERED_KINDS = [
    ..., None, dots, passes, documented, documented_and_dots, returns_none,
    returns_dots, lambda X: ..., lambda X: None, Dots, Passes, Documented, WithStubs,
    WithStubs().forward, (..., ...), [None, ...], {"plain": ..., "residual": ...},
    {"runs": [..., ...], "claim": ...},
]  # fmt: skip


@pytest.mark.parametrize("answer", UNANSWERED_KINDS, ids=same_each_time)
def test_unanswered_kinds(answer):
    verdict = doubled(answer)
    assert verdict.status == UNANSWERED and not verdict.is_right
    assert "Put your answer in place of the dots" in repr(verdict)
    assert "weak" not in repr(verdict) and doubled.num_wrong == 0


def closure():
    seen = []

    def collects(X):
        return seen.append(X)

    return collects


class WithSetting(nn.HybridSequential):
    def __init__(self):
        super().__init__()
        self.add(nn.Dense(1))


class WithNumber:
    width = 3


class Inherits(nn.Dense):
    pass


ANSWERED_KINDS = [
    0, False, "", (), [], {}, 0.0, numpy.zeros(0), lambda X: X, lambda X: 0,
    lambda X: "", closure(), WithSetting, WithNumber, Inherits, nn.Dense, [1, ...],
    print, {"plain": 1, "residual": ...}, NotImplemented, "...", object(),
]  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERED_KINDS, ids=same_each_time)
def test_what_is_no_stub_is_tried(answer):
    assert doubled.judge(answer).status in (WRONG, FAILED)


def test_without_an_answer_at_all():
    assert doubled().status == doubled.judge().status == UNANSWERED


# --- right and wrong -------------------------------------------------------------


def test_right_is_told_with_the_sentence_to_remember():
    verdict = doubled(lambda X: X + X)
    assert verdict.is_right and verdict.lines == ("Doubling is adding.",)
    assert repr(verdict) == "✓ test_exercise.doubled: right\n  Doubling is adding."


def test_hints_grow_and_the_last_stays():
    checks = exercise("weak", "strong", "strongest", remember="Yes.")(doubled.check)
    told = [checks(lambda X: X).lines for _ in range(5)]
    assert [lines[-1] for lines in told] == [
        "Hint: weak", "Hint: strong", "Hint: strongest", "Hint: strongest",
        "Hint: strongest",
    ]  # fmt: skip
    assert told[0][:-1] == (
        "Expected: the output with the right values",
        "Came: values up to 2 away",
        "Unchanged.",
    )
    assert checks(lambda X: 2 * X).is_right, "and then right is right"
    assert checks.judge(lambda X: X).lines[-1] == "Unchanged.", "judge gives no hint"
    fresh = exercise("weak", "strong", remember="Yes.")(doubled.check)
    fresh(lambda X: 1 / 0)
    assert fresh(lambda X: X).lines[-1] == "Hint: strong", "an error counts as well"


def test_an_exercise_needs_two_hints_and_says_what_it_is():
    with pytest.raises(ValueError, match="two or more"):
        exercise("only one", remember="No.")
    assert repr(doubled) == "<exercise test_exercise.doubled: A function that doubles.>"
    assert "no description" in repr(called)
    assert doubled.__doc__.startswith("A function") and doubled.name in repr(doubled)


def test_what_was_measured_reaches_the_check():
    @exercise("a", "b", remember="Measured.")
    def prediction(answer, measured):
        if answer != measured:
            raise Wrong("what was measured", repr(answer))

    assert prediction("better", "better").is_right
    assert prediction("better", "worse").status == WRONG
    assert prediction(..., None).status == UNANSWERED


# --- answers that raise ----------------------------------------------------------


def assert_shows(verdict, line, error):
    assert verdict.status == FAILED
    text = repr(verdict)
    assert line in text and error in text
    for ours in ("Traceback", "File ", "exercise.py", "site-packages", "call(answer"):
        assert ours not in text
    assert len(text.splitlines()) <= 5


def test_an_error_shows_the_reader_s_own_line():
    def divides(X):
        zero = 0
        return X.shape[0] / zero  # my line

    assert_shows(
        doubled(divides),
        "return X.shape[0] / zero  # my line",
        "ZeroDivisionError: division by zero",
    )


def test_the_last_of_the_reader_s_lines_is_shown():
    def inner(X):
        return np.concatenate([X, np.ones((3, 3))], axis=1)  # inner line

    def outer(X):
        return inner(X)  # outer line

    verdict = doubled.judge(outer)
    assert_shows(verdict, "# inner line", "MXNetError: ")
    assert "outer line" not in repr(verdict) and "../src" not in repr(verdict)


def test_a_block_that_raises_shows_its_forward():
    class Net(nn.Block):
        def forward(self, X):
            return self.missing(X)  # not there

    assert_shows(
        doubled(Net()), "return self.missing(X)  # not there", "AttributeError"
    )


def test_an_error_in_our_layers_shows_the_reader_s_call():
    from d2l_nin.layers import Conv2D

    def builds(X):
        return Conv2D(-1, 3)  # too narrow

    assert_shows(doubled(builds), "return Conv2D(-1, 3)  # too narrow", "Error: ")


@pytest.fixture()
def shell():
    shell = InteractiveShell()
    yield shell
    InteractiveShell.clear_instance()


def test_code_of_ipython_shows_its_line(shell):
    cell = """import mxnet as mx

def mine(X):
    y = X + 1
    return y.no_such_name  # in a cell
"""
    shell.run_cell(cell, store_history=True)
    assert_shows(
        doubled(shell.user_ns["mine"]),
        "line 5: return y.no_such_name  # in a cell",
        "no_such_name",
    )
    shell.run_cell("bad = lambda X: mx.np.dot(X, X)", store_history=True)
    assert_shows(
        doubled(shell.user_ns["bad"]), "line 1: bad = lambda X: mx.np.dot", "MXNetError"
    )


def test_stubs_of_ipython_are_unanswered(shell):
    shell.run_cell("def f(X): ...\nclass C:\n    pass\ng = lambda X: ...")
    for name in "fCg":
        assert doubled(shell.user_ns[name]).status == UNANSWERED


class OfItsOwn(BaseException):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")


@pytest.mark.parametrize(
    "error, words",
    [
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit: (no message)"),
        (StopIteration(), "StopIteration: (no message)"),
        (OfItsOwn("mine"), "OfItsOwn: mine"),
        (Unprintable(), "Unprintable: (no message)"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (RecursionError("deep"), "RecursionError: deep"),
        (MemoryError(), "MemoryError: (no message)"),
        (ValueError("bad \ud800 text"), "ValueError: bad ? text"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_all_kinds_of_errors_are_told(error, words):
    def raises(X):
        raise error  # here

    verdict = doubled(raises)
    assert_shows(verdict, "raise error  # here", words)
    repr(verdict).encode()


def test_exit_is_told():
    assert_shows(called(lambda: sys.exit("bye")), "sys.exit", "SystemExit: bye")


def test_endless_recursion_is_told():
    def again(X):
        return again(X) + 1

    assert_shows(doubled(again), "return again(X) + 1", "RecursionError")


def test_a_long_message_is_cut():
    def raises(X):
        raise ValueError("x" * 10**6)

    assert len(repr(doubled(raises))) < 600


def test_an_interrupt_by_the_reader_stops_the_check():
    def interrupts():
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt):
        called(interrupts)
    assert signal.getsignal(signal.SIGALRM) is before


# --- answers that never end ------------------------------------------------------


def sleeps():
    time.sleep(60)


def catches_exceptions():
    while True:
        try:
            never_ends()
        except Exception:
            pass


def catches_all():
    while True:
        try:
            never_ends()
        except:
            pass


def catches_all_in_a_loop_of_calls():
    while True:
        try:
            len("x")
            list(range(10))
        except BaseException:
            continue


def catches_all_twice():
    while True:
        try:
            while True:
                try:
                    never_ends()
                except:
                    pass
        except:
            pass


def goes_on_in_finally():
    while True:
        try:
            never_ends()
        finally:
            continue


def makes_an_error_of_it():
    try:
        never_ends()
    except BaseException:
        raise ValueError("stopped") from None


def returns_when_stopped():
    try:
        never_ends()
    except BaseException:
        return 1


def sleeps_and_catches():
    while True:
        try:
            time.sleep(0.01)
        except:
            pass


def endless_generator():
    def numbers():
        while True:
            try:
                yield 1
            except:
                pass

    return sum(numbers())


def works_with_arrays():
    X = np.ones((64, 64))
    while True:
        try:
            X = npx.relu(np.dot(X, X) / 64)
        except:
            pass


def prints_for_ever():
    while True:
        print("line")


NEVER_END = [
    never_ends, sleeps, catches_exceptions, catches_all, catches_all_in_a_loop_of_calls,
    catches_all_twice, goes_on_in_finally, makes_an_error_of_it, returns_when_stopped,
    sleeps_and_catches, endless_generator, works_with_arrays, prints_for_ever,
]  # fmt: skip


def tracer(*_):
    return None


@needs_alarms
@pytest.mark.parametrize("answer", NEVER_END, ids=lambda answer: answer.__name__)
def test_an_answer_that_never_ends_is_stopped(answer, capsys):
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    handler, traced = signal.getsignal(signal.SIGALRM), sys.gettrace()
    try:
        start = time.perf_counter()
        verdict = called(answer)
        took = time.perf_counter() - start
        assert verdict.status == TOO_SLOW and took < 5
        assert "Stopped after 0.3 s. Does a loop never end?" in repr(verdict)
        assert signal.getsignal(signal.SIGALRM) is handler
        assert sys.gettrace() is traced
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        time.sleep(0.02)
        assert not rung, "no alarm of ours rings later"
    finally:
        signal.signal(signal.SIGALRM, before)


@needs_alarms
def test_another_s_trace_function_is_put_back():
    traced = sys.gettrace()
    try:
        sys.settrace(tracer)
        statuses = [called(lambda: 1).status]
        kept = [sys.gettrace() is tracer]
        statuses.append(called(catches_all).status)
        kept.append(sys.gettrace() is tracer)
    finally:
        sys.settrace(traced)
    assert statuses == [RIGHT, TOO_SLOW] and kept == [True, True]


@needs_alarms
@pytest.mark.parametrize("answer", [lambda: 1, never_ends], ids=["quick", "never"])
def test_another_s_alarm_still_rings(answer):
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.15)
        called(answer)
        time.sleep(0.3)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@needs_alarms
def test_an_alarm_on_the_way_out_is_harmless():
    """Answers that end just when the limit does, many times."""

    def until_about_the_limit():
        end = time.perf_counter() + 0.0199
        while time.perf_counter() < end:
            pass
        return 1

    quick = exercise("a", "b", remember="Yes.", seconds=0.02)(called.check)
    before = signal.getsignal(signal.SIGALRM)
    statuses = {quick(until_about_the_limit).status for _ in range(100)}
    assert statuses <= {RIGHT, TOO_SLOW}
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def in_a_thread(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_other_threads_get_the_same_verdicts():
    def too_slow():
        time.sleep(0.35)
        return 1

    assert in_a_thread(lambda: doubled(lambda X: 2 * X)).is_right
    assert in_a_thread(lambda: doubled(lambda X: X)).status == WRONG
    assert in_a_thread(lambda: doubled(lambda X: 1 / 0)).status == FAILED
    assert in_a_thread(lambda: doubled(...)).status == UNANSWERED
    assert in_a_thread(lambda: called(too_slow)).status == TOO_SLOW


# --- answers that print ----------------------------------------------------------


def test_a_little_printing_is_handed_on(capsys):
    def prints():
        print("out")
        print("err", file=sys.stderr)
        return 1

    verdict = called(prints)
    assert capsys.readouterr() == ("out\n", "err\n")
    assert verdict.lines == ("Calling is easy.",)


def test_a_lot_of_printing_is_cut_off(capsys):
    def prints():
        for _ in range(10_000):
            print("x" * 99)
            sys.stderr.write("y")
        return 1

    out, err = sys.stdout, sys.stderr
    start = time.perf_counter()
    verdict = called(prints)
    assert time.perf_counter() - start < 2
    assert verdict.is_right
    assert verdict.lines[-1] == "It printed 1,010,000 characters, most cut off."
    captured = capsys.readouterr()
    assert len(captured.out) + len(captured.err) == MOST_PRINTED
    assert sys.stdout is out and sys.stderr is err


def test_printing_comes_back_after_an_error(capsys):
    out = sys.stdout
    called(lambda: print("one") or 1 / 0)
    assert sys.stdout is out and capsys.readouterr().out == "one\n"


# --- HTML ------------------------------------------------------------------------


def test_html_is_escaped_and_says_the_same():
    @exercise("<i>hint</i>", "b & c", remember="<script>alert(1)</script>.")
    def tags(answer):
        if answer != "right":
            raise Wrong("<b>bold</b>", answer, "a < b & c.")

    wrong = tags("<img src=x onerror=alert(1)>")._repr_html_()
    for text in ("<img", "<b>", "<i>", "a < b"):
        assert text not in wrong
    for text in ("&lt;img src=x", "&lt;b&gt;bold", "a &lt; b &amp; c.", "&lt;i&gt;"):
        assert text in wrong
    assert "<script>" not in tags("right")._repr_html_()

    def raises(X):
        raise ValueError("<script>alert(2)</script>")

    failed = doubled(raises)._repr_html_()
    assert "<script>" not in failed and "&lt;script&gt;" in failed
    for verdict in (tags("x"), tags("right"), tags(...), doubled(raises)):
        page = verdict._repr_html_()
        assert "role='status'" in page and verdict.status in page
        assert page.count("<div") == page.count("</div>") == 1 + len(verdict.lines)
    assert "#0072b2" in tags("right")._repr_html_()
    assert "#d55e00" in tags("x")._repr_html_()
    assert "#767676" in tags(...)._repr_html_()


# --- what checks are made of -----------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3, 4]],
        ((1, 2), (3, 4)),
        numpy.array([[1, 2], [3, 4]]),
        np.array([[1, 2], [3, 4]]),
        mx.nd.array([[1, 2], [3, 4]]),
    ],
    ids=lambda value: type(value).__module__,
)
def test_as_array_takes_every_kind(value):
    array = as_array(value)
    assert type(array) is numpy.ndarray and array.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "value",
    [None, "text", {1: 2}, {1, 2}, object(), [[1, 2], [3]], ["a"], len, 1j, [None]],
    ids=same_each_time,
)
@pytest.mark.filterwarnings("error")
def test_as_array_names_nonsense(value):
    expected, came, _ = said(as_array, value, "the output")
    assert expected == "the output: an array of numbers" and came
    assert len(came) <= 80 and "\n" not in came


@pytest.mark.parametrize(
    "value",
    [12, 12.0, numpy.int64(12), numpy.float32(12), numpy.array([[12]]), [12], (12,),
     np.array(12), np.array([12.0]), mx.nd.array([12]), Fraction(24, 2),
     Decimal("12")],
    ids=same_each_time,
)  # fmt: skip
def test_as_number_takes_every_kind(value):
    assert as_number(value) == 12 and type(as_number(value)) is float
    assert as_whole_number(value) == 12 and type(as_whole_number(value)) is int


@pytest.mark.parametrize(
    "value, came",
    [
        ("12", "'12', of type str"),
        (b"12", "of type bytes"),
        (True, "True, of type bool"),
        (numpy.bool_(True), f"of type {numpy.bool_.__name__}"),
        (len, "of type builtin_function_or_method"),
        (int, "of type type"),
        ([1, 2], "2 numbers"),
        ([], "0 numbers"),
        (np.ones((2, 2)), "4 numbers"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (10**400, "inf"),
        (1 + 2j, "(1+2j)"),
        ({}, "{}"),
        (object(), "<object object"),
    ],
    ids=same_each_time,
)
def test_as_number_names_what_came(value, came):
    expected, told, _ = said(as_number, value, "how many weights")
    assert "how many weights" in expected and came in told


def test_as_whole_number_names_a_fraction():
    assert said(as_whole_number, 2.5)[:2] == (
        "a whole number",
        "2.5, which is not whole",
    )
    assert as_whole_number(10**9) == 10**9


def test_as_text():
    options = ("better", "Worse", "the same")
    assert as_text("  BETTER ", options) == "better"
    assert as_text("worse", options) == "Worse"
    for value in ("best", "", 1, None, ["better"], b"better", len, "x" * 1000):
        expected, came, _ = said(as_text, value, options)
        assert expected == "one of 'better', 'Worse', 'the same'" and len(came) <= 80


def test_call_names_what_cannot_be_called_or_hands_out_nothing():
    for value in (3, "text", [1], {}, np.ones(2)):
        expected, came, _ = said(call, value, what="a function of (X)")
        assert expected == "a function of (X)" and "which can't be called" in came
    for nothing in (lambda: None, lambda: ...):
        expected, came, _ = said(call, nothing)
        assert "returns something" in expected and "is a return missing?" in came
    assert call(lambda: 0) == 0 and call(lambda a, b: a + b, 1, 2) == 3


def test_call_gives_nd_arrays_to_an_answer_written_for_them():
    X = np.array([[1.0, -2.0]])
    seen = []

    def for_nd(X):
        seen.append(type(X))
        return mx.nd.relu(X) + mx.nd.dot(X, mx.nd.zeros((2, 2)))

    assert as_array(call(for_nd, X)).tolist() == [[1, 0]]
    assert seen[-1] is mx.nd.NDArray
    assert doubled(lambda X: mx.nd.broadcast_add(X, X)).is_right
    assert doubled(lambda X: X.asnumpy() * 2).is_right
    assert doubled(lambda X: (X + X).tolist()).is_right

    tried = []

    def of_its_own(X):
        tried.append(X)
        raise TypeError("my own mistake")

    with pytest.raises(TypeError, match="my own mistake"):
        call(of_its_own, X)
    assert len(tried) == 1, "an error of the answer's own is no reason to try again"


class Gluon(HybridBlock):
    def __init__(self, width=3):
        super().__init__()
        self.conv, self.norm = nn.Conv2D(width, 1), nn.BatchNorm()

    def hybrid_forward(self, F, X):
        return self.norm(self.conv(X))


def with_batch_norm(width=3):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(width, 1), nn.BatchNorm())
    return net


@pytest.mark.parametrize(
    "answer",
    [Gluon, Gluon(), with_batch_norm, with_batch_norm(), lambda *_: Gluon()],
    ids=["class", "net", "function", "made", "lambda"],
)
def test_as_net_takes_every_way_to_make_one(answer):
    X = np.ones((2, 4, 5, 5))
    net = as_net(answer)
    first = net(X).asnumpy()
    assert first.shape == (2, 3, 5, 5) and numpy.isfinite(first).all()
    values = {n.rpartition("_")[2]: p for n, p in net.collect_params().items()}
    assert set(values["gamma"].data().tolist()) == {1.0}, "as Gluon initializes it"
    assert set(values["var"].data().tolist()) == {1.0}
    assert numpy.std(values["weight"].data().asnumpy()) > 0
    assert (as_net(answer)(X).asnumpy() == first).all(), "the same each time"


def test_a_check_gives_the_reader_s_random_numbers_back():
    """Two seeds, a check after each: the nets made then are not the same."""

    @exercise("weak", "strong", remember="A sentence.")
    def anything(answer):
        as_net(answer)

    def drawn(seed):
        mx.random.seed(seed)
        assert anything.judge(nn.Dense(2)).status == RIGHT
        return np.random.uniform(size=4).tolist()

    assert drawn(1) == drawn(1) != drawn(2)


def test_accuracies_of_seeds_takes_every_kind_of_list():
    five = [0.1, 0.2, 0.3, 0.25, 0.15]
    for values in (five, tuple(five), numpy.array(five), np.array(five)):
        numpy.testing.assert_allclose(accuracies_of_seeds(values, "a"), five)
    assert accuracies_of_seeds([0.5, 0.5, 0.4], "a", 3).tolist() == [0.5, 0.5, 0.4]
    still = [0.1] * 5
    assert accuracies_of_seeds(still, "a", chance=0.1).tolist() == still
    assert as_accuracies([0, 1], "a").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "expected", "came"),
    [
        (0.5, "a: a list of accuracies", "0.5"),
        ("0.5, 0.6", "a: a list of accuracies", "'0.5, 0.6'"),
        (numpy.array(0.5), "a: a list of accuracies", "array(0.5)"),
        ([0.5, "0.6"], "a: accuracies from 0 to 1", "of type str"),
        ([0.5, 0.6, 0.7, 0.8, float("nan")], "a: accuracies from 0 to 1", "nan"),
        ([0.5, 0.6, 0.7, 0.8, float("inf")], "a: accuracies from 0 to 1", "inf"),
        (numpy.ones((5, 2)), "a: accuracies from 0 to 1", "2 numbers"),
        ([0.5, 0.6, 0.7, 0.8, 1.5], "a: accuracies from 0 to 1", "0.5 … 1.5"),
        ([-0.5, 0.6, 0.7, 0.8, 0.9], "a: accuracies from 0 to 1", "-0.5 … 0.9"),
        ([], "a: accuracies of 5 seeds or more", "0"),
        ([0.1, 0.2, 0.3, 0.4], "a: accuracies of 5 seeds or more", "4"),
        ([0.4] * 5, "a: accuracies that differ from seed to seed", "5 times 0.4"),
    ],
)
def test_accuracies_of_seeds_names_what_is_wrong(values, expected, came):
    wanted, told, _ = said(accuracies_of_seeds, values, "a")
    assert wanted == expected and came in told


def test_accuracies_of_seeds_names_the_mistake():
    def mistake(values, **options):
        return said(accuracies_of_seeds, values, "a", **options)[2]

    assert "Percent?" in mistake([50, 60, 70, 80, 90])
    assert mistake([500, 60, 70, 80, 90]) == ""
    assert "One seed shows nothing" in mistake([0.5])
    assert "Was the seed the same" in mistake([0.4] * 5)
    assert "Was the seed the same" in mistake([0.4] * 5, chance=0.1)


def test_as_net_hands_on_arguments_and_keeps_weights():
    assert as_net(Gluon, 7)(np.ones((1, 4, 2, 2))).shape == (1, 7, 2, 2)
    net = nn.Dense(2, in_units=2)
    net.initialize(mx.init.One())
    assert as_net(net).weight.data().tolist() == [[1, 1], [1, 1]]


def test_as_net_names_what_is_none():
    for value, came in ((lambda: [nn.Dense(1)], "[Dense"), (lambda: 3, "3")):
        expected, told, _ = said(as_net, value, what="a block")
        assert expected == "a block (a Gluon Block)" and came in told
    assert "can't be called" in said(as_net, 3)[1]
    assert "is a return missing?" in said(as_net, lambda: print(end=""))[1]


def test_expect_shape():
    array = expect_shape(np.ones((2, 3)), (2, 3))
    assert type(array) is numpy.ndarray
    assert expect_shape(mx.nd.ones((2, 3)), [2, 3]).shape == (2, 3)
    mistakes = {(3, 2): "That is transposed."}
    assert said(expect_shape, np.ones((3, 2)), (2, 3), mistakes, "the map") == (
        "the map of shape (2, 3)", "(3, 2)", "That is transposed.",
    )  # fmt: skip
    assert said(expect_shape, np.ones(4), (2, 3), mistakes)[1:] == ("(4,)", "")
    assert said(expect_shape, 1.0, (2, 3))[1] == "()"


def test_expect_close():
    wanted = numpy.array([1.0, 2.0])
    for value in ([1, 2], np.array([1.0, 2.0]), mx.nd.array([1, 2]), wanted + 1e-5):
        expect_close(value, wanted)
    mistakes = [
        (numpy.ones(3), "Another shape is passed over."),
        (numpy.array([2.0, 1.0]), "Swapped."),
        (numpy.array([2.0, 1.0]), "Only the first that fits is told."),
    ]
    expected, came, mistake = said(expect_close, [2, 1], wanted, mistakes, "the mean")
    assert (expected, came) == ("the mean with the right values", "values up to 1 away")
    assert mistake == "Swapped."
    assert said(expect_close, [0, 0], wanted, mistakes)[2] == ""
    assert "of shape (2,)" in said(expect_close, [1, 2, 3], wanted)[0]
    assert said(expect_close, numpy.array([True, False]), wanted)[1] == (
        "values up to 2 away"
    )
    for bad in (numpy.nan, numpy.inf):
        assert "no numbers, or infinite" in said(expect_close, [bad, 2], wanted)[1]
    assert "array of numbers" in said(expect_close, "text", wanted)[0]


def test_nothing_that_came_is_long():
    assert len(framework.short("x" * 10_000)) <= 80
    assert "\n" not in framework.short(np.ones((50, 50)))
