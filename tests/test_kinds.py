"""Every declared exercise: what is right passes, each mistake has its own sentence."""

import time
from decimal import Decimal
from fractions import Fraction

import mxnet as mx
import numpy
import pytest
from mxnet import np
from mxnet.gluon import nn

from d2l_nin import checks
from d2l_nin.checks.__main__ import _STUBS, main
from d2l_nin.checks.exercise import RIGHT, UNANSWERED
from d2l_nin.checks.expect import Wrong, accuracies_of_seeds, measured_accuracies
from d2l_nin.checks.kinds import (
    Block,
    Choice,
    Evidence,
    Function,
    Number,
    Prediction,
)
from tests.answers import answers_of

KINDS = (Block, Choice, Evidence, Function, Number, Prediction)
NONSENSE = ["", "nonsense", object(), [], {}, float("nan"), lambda *_: "x", 1j, b"1",
            [[1, 2], [3]], (None, 1)]  # fmt: skip
CHAPTERS = [name[2:] for name in checks.__all__ if name.startswith("ch")]
# Numbers and options are sealed in the checks; the tests have them in the open.
SEALED = {
    f"{chapter}.{name}": right
    for chapter in CHAPTERS
    for name, right in answers_of(chapter).SEALED.items()
}
DECLARED = {
    f"{chapter}.{name}": exercise
    for chapter in CHAPTERS
    for name, exercise in checks.exercises_of(chapter).items()
    if isinstance(exercise, KINDS)
}


def in_every_style(value):
    """A number as readers hand it in, and a row of options as list and as tuple."""
    if isinstance(value, dict):
        return [value, list(value.values()), tuple(value.values())]
    if isinstance(value, str):
        return [value, f"  {value.upper()} "]
    kinds = [float, Fraction, Decimal, numpy.float64, np.array, mx.nd.array,
             lambda x: [x], lambda x: numpy.array([[x]])]  # fmt: skip
    if value == int(value):
        kinds += [int, numpy.int64]
    return [kind(value) for kind in kinds]


def right_of(key):
    """Right answers, each as the arguments of the check."""
    exercise = DECLARED[key]
    if isinstance(exercise, (Number, Choice)):
        return [(answer,) for answer in in_every_style(SEALED[key])]
    if isinstance(exercise, Prediction):
        return [(said, measured) for measured, found in exercise.tried
                for said in in_every_style(found)]  # fmt: skip
    if isinstance(exercise, Evidence):
        return [(answer,) for answer in exercise.variants]
    return [(answer,) for answer in (exercise.right, *exercise.variants)]


def wrong_of(key):
    """(sentence, arguments) for each mistake."""
    exercise = DECLARED[key]
    if isinstance(exercise, Choice):
        return [(sentence, (wrong_choice(key, mistake),))
                for sentence, mistake in exercise.mistakes.items()]  # fmt: skip
    if isinstance(exercise, Prediction):
        return [(sentence, (option, measured))
                for option, sentence in exercise.options.items()
                for measured, found in exercise.tried[:1] if option != found
                ]  # fmt: skip
    return [(sentence, (wrong,)) for sentence, mistake in exercise.mistakes.items()
            for wrong in (mistake if isinstance(exercise, Number)
                          and isinstance(mistake, list) else [mistake])]  # fmt: skip


def wrong_choice(key, mistake):
    if isinstance(mistake, tuple):
        return {**SEALED[key], mistake[0]: mistake[1]}
    return mistake


@pytest.mark.parametrize(
    "key", [k for k in DECLARED if isinstance(DECLARED[k], (Number, Choice))]
)
def test_what_is_sealed_stands_in_the_open_here(key):
    assert key in SEALED, f"SEALED of tests/answers/ch{key[:2]}.py lacks it"


@pytest.mark.parametrize("key", DECLARED)
def test_what_is_right_passes(key):
    for arguments in right_of(key):
        start = time.process_time()
        verdict = DECLARED[key].judge(*arguments)
        assert verdict.status == RIGHT, verdict
        assert time.process_time() - start < 3


@pytest.mark.parametrize("key", DECLARED)
def test_each_mistake_is_told_with_its_own_sentence_and_no_other(key):
    found = wrong_of(key)
    sentences = {sentence for sentence, _ in found}
    for sentence, arguments in found:
        start = time.process_time()
        verdict = DECLARED[key].judge(*arguments)
        assert verdict.status not in (RIGHT, UNANSWERED), sentence
        told = {each for each in sentences if each in repr(verdict)}
        assert told == {sentence}, verdict
        assert time.process_time() - start < 3


@pytest.mark.parametrize("key", DECLARED)
def test_nonsense_is_told_kindly(key):
    exercise = DECLARED[key]

    def raises(*_):
        raise RuntimeError("on purpose")

    for answer in [*NONSENSE, raises]:
        verdict = exercise.judge(answer)
        assert verdict.status not in (RIGHT, UNANSWERED)
        assert len(repr(verdict)) < 1000 and "Traceback" not in repr(verdict)
    assert exercise.judge().status == UNANSWERED
    assert len(set(exercise.hints)) >= 2 and exercise.remember.endswith(".")


@pytest.mark.parametrize(
    "key", [k for k in DECLARED if isinstance(DECLARED[k], Number)]
)
def test_what_comes_back_never_holds_a_sealed_number(key):
    right = SEALED[key]
    for _, arguments in wrong_of(key):
        verdict = repr(DECLARED[key].judge(*arguments))
        assert f"{right:.0f}" not in verdict and f"{right:g}" not in verdict


def test_a_number_given_as_text_is_told_as_a_text():
    verdict = checks.ch02.training_memory.judge("226")
    assert "That is a text" in repr(verdict)


@Function(
    cases=lambda rng: [(numpy.arange(3.0),), (numpy.arange(5.0),)],
    mistakes={"Nothing is added.": lambda x: x, "That raises.": lambda x: x[9]},
    hints=("a", "b"),
    remember="Yes.",
)
def plus_one(x):
    """One more."""
    return x + 1


def test_a_function_is_told_by_what_it_does_in_all_cases():
    assert plus_one.judge(lambda x: [float(v) + 1 for v in x]).status == RIGHT
    assert "Nothing is added." in repr(plus_one.judge(lambda x: x + 0))
    half = repr(plus_one.judge(lambda x: x if len(x) == 3 else x + 2))
    assert "Nothing is added." not in half, "the mistake fits one case only"
    assert "That raises." in repr(plus_one.judge(lambda x: x[7]))

    def in_place(x):
        x += 1
        return x

    assert "changed in place" in repr(plus_one.judge(in_place))


def conv_and_norm(width):
    """A right block."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(width, 3, padding=1), nn.BatchNorm(), nn.Conv2D(width, 1))
    return net


def with_dropout(width):
    net = conv_and_norm(width)
    net.add(nn.Dropout(0.5))
    return net


def without_norm(width):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(width, 3, padding=1), nn.Conv2D(width, 1))
    return net


class OtherOrder(nn.HybridBlock):
    """Its layers are made in another order than they are used in."""

    def __init__(self, width):
        super().__init__()
        self.last = nn.Conv2D(width, 1)
        self.norm = nn.BatchNorm()
        self.first = nn.Conv2D(width, 3, padding=1)

    def hybrid_forward(self, F, X):
        return self.last(self.norm(self.first(X)))


class Unused(OtherOrder):
    def __init__(self, width):
        super().__init__(width)
        self.more = nn.Conv2D(width, 1, in_channels=width)


BLOCK = Block(
    cases=[((4,), (2, 3, 6, 6)), ((5,), (2, 5, 7, 5))],
    mistakes={
        "The norm is missing.": without_norm,
        "The 3×3 has no padding.": lambda width: nn.Conv2D(width, 3),
    },
    hints=("a", "b"),
    remember="Yes.",
)(conv_and_norm)


def test_a_block_is_told_by_what_it_does_with_known_weights():
    assert BLOCK.judge(conv_and_norm).status == RIGHT
    assert BLOCK.judge(OtherOrder).status == RIGHT
    assert "forward does not use it" in repr(BLOCK.judge(Unused))
    assert "training mode" in repr(BLOCK.judge(with_dropout))
    assert "The norm is missing." in repr(BLOCK.judge(without_norm))
    assert "no padding" in repr(BLOCK.judge(lambda width: nn.Conv2D(width, 3)))


@pytest.mark.parametrize("kind", _STUBS)
def test_a_stub_of_every_kind_is_an_exercise(kind):
    stub = main(["new", "07", "padding", kind])
    names = {k.__name__: k for k in KINDS}
    names |= {"__name__": "ch07", "nn": nn, "accuracies_of_seeds": accuracies_of_seeds,
              "measured_accuracies": measured_accuracies}  # fmt: skip
    exec(stub, names)
    exercise = names["padding"]
    assert isinstance(exercise, names[kind])
    assert exercise.judge().status == UNANSWERED
    if kind in ("Number", "Choice"):
        exercise.right = exercise.seal(42 if kind == "Number" else "this")
        assert exercise.judge(42 if kind == "Number" else "this").status == RIGHT


def test_a_stub_comes_with_its_cell_and_the_next_number():
    stub = main(["new", "02", "one_more", "Choice"])
    number = len(checks.exercises_of("02")) + 1
    assert f"### Exercise {number} · debug" in stub
    assert "check.ch02.one_more(answer)" in stub


@pytest.mark.parametrize(
    "arguments",
    ["new 07 one-more Choice", "new 02 training_memory Number", "new 7 padding Number",
     "seal 02 not_there 1", "seal 04 loss_with_heads 1", "seal 04 faults line_1",
     "seal 02 training_memory many"],
)  # fmt: skip
def test_the_command_says_what_it_can_t_do(arguments):
    with pytest.raises(SystemExit, match=r"Expected|Declare|no answer"):
        main(arguments.split())


def test_the_command_says_how_it_is_called():
    assert "Kinds:" in main([]) and "Kinds:" in main(["new", "07", "x", "None"])


@pytest.mark.parametrize("measured", [[0.9, 0.91], (1, 0), numpy.array([0.5, 0.5])])
def test_accuracies_from_0_to_1_are_measured(measured):
    assert list(measured_accuracies(measured, 2)) == list(measured)


@pytest.mark.parametrize(
    "measured", [[90, 91], [0.9], [0.9, 1.01], [-0.1, 0.5], 0.9, None, [0.9, "high"]]
)
def test_what_is_no_accuracy_is_not_measured(measured):
    with pytest.raises(Wrong):
        measured_accuracies(measured, 2)
