"""Exercises of chapter 04."""

from __future__ import annotations

import numpy
from mxnet import np
from mxnet.gluon import HybridBlock, nn

from d2l_nin.checks.expect import (
    Wrong,
    as_paired_claim,
    both_sides,
    expect_keys,
    measured_accuracies,
    short,
)
from d2l_nin.checks.kinds import Block, Choice, Evidence, Function, Number, Prediction
from d2l_nin.cost import summary
from d2l_nin.inception import inception_classroom

widest_view = Number(
    "the pixels that a value of 4a sees along its widest way",
    "e434bb9f2fb18d73cfc2159d",
    {
        "This adds kernels as if no layer had a stride. After a stride, neighbours "
        "are several pixels apart.": 27,
        "Each kernel is counted with the stride that comes *with* it. A stride "
        "matters for the layers after it only.": 205,
        "The pooling between 3b and 4a is missing.": 123,
        "The widest way goes through the largest kernel of each module.": 107,
        "This is right for 3b. The pooling and 4a come after it.": 91,
        "A pooling sees more than one value, too.": 143,
        "This is the narrowest way.": 43,
    },
    (
        "Go through the layers and keep two numbers: how many pixels a value sees, "
        "and how many pixels lie between neighbours.",
        "A kernel of k adds (k − 1) times the distance of neighbours. A stride of s "
        "then multiplies that distance by s.",
        "After the stem a value sees 27 pixels, and neighbours are 8 pixels apart.",
    ),
    "Along its narrowest way a value of 4a sees 43 pixels, along its widest four times "
    "as many: in one feature map some channels see details, others most of an image.",
)


def _cross_entropy(scores, y):
    """Of each image; in double precision, and safe for large scores."""
    scores = scores.asnumpy().astype("float64")
    scores = scores - scores.max(axis=1, keepdims=True)
    log_sum = numpy.log(numpy.exp(scores).sum(axis=1))
    return log_sum - scores[numpy.arange(len(scores)), y.asnumpy().astype(int)]


def _total(y, scores, *side_scores, weight=0.3, reduce=numpy.mean):
    main = reduce(_cross_entropy(scores, y))
    return main + weight * sum(reduce(_cross_entropy(s, y)) for s in side_scores)


def _scores(rng):
    for num_images, num_classes, num_heads in ((4, 3, 2), (1, 5, 1), (6, 10, 0),
                                               (3, 4, 3)):  # fmt: skip
        y = np.array(rng.integers(num_classes, size=num_images), dtype="int32")
        arrays = [np.array(rng.normal(0, 3, (num_images, num_classes)), dtype="float32")
                  for _ in range(1 + num_heads)]  # fmt: skip
        yield (y, *arrays)


def _without_main(y, scores, *side_scores):
    return _total(y, scores, *side_scores) - numpy.mean(_cross_entropy(scores, y))


@Function(
    cases=_scores,
    what="the loss",
    mistakes={
        "The heads count as much as the net. Each counts 0.3.": (
            lambda y, *s: _total(y, *s, weight=1)
        ),
        "The heads are left out.": lambda y, s, *sides: _total(y, s),
        "Only the first head is counted.": lambda y, s, *sides: _total(
            y, s, *sides[:1]
        ),
        "The heads share one weight of 0.3. Each has its own.": lambda y, s, *sides: (
            _total(y, s, *sides, weight=0.3 / max(1, len(sides)))
        ),
        "This is a sum over the batch, where a mean is asked.": lambda y, *s: _total(
            y, *s, reduce=numpy.sum
        ),
        "The net itself counts 0.3 as well.": lambda y, s, *sides: (
            0.3 * _total(y, s, *sides, weight=1)
        ),
        "The net's own loss is missing.": _without_main,
        "The net counts 0.7 here. It counts whole.": lambda y, s, *sides: (
            _total(y, s, *sides) - 0.3 * numpy.mean(_cross_entropy(s, y))
        ),
        "A mean over the net and its heads: no head counts 0.3.": lambda y, *s: (
            numpy.mean([numpy.mean(_cross_entropy(each, y)) for each in s])
        ),
        "One loss for each image is what Gluon gives. Take the mean.": lambda y, *s: (
            _total(y, *s, reduce=lambda losses: losses)
        ),
    },
    hints=(
        "Write it for a net without heads first. Then, what does each head add?",
        "Gluon's SoftmaxCrossEntropyLoss takes raw scores and labels, and gives one "
        "loss for each image.",
    ),
    remember="An auxiliary head adds a fraction of its own loss while training, and is "
    "thrown away afterwards.",
)
def loss_with_heads(y, scores, *side_scores):
    """Cross-entropy of a net and, with weight 0.3, of each of its heads."""
    return float(_total(y, scores, *side_scores))


# --- a module of 2015 ---------------------------------------------------------------


class _Factorized(HybridBlock):
    """Two 3×3 in place of the 5×5, average pooling; or that with a known mistake."""

    def __init__(self, c1, c2, c3, c4, mistake=""):
        super().__init__()
        self.mistake = mistake
        self.last = self._chain((c1, 1))
        self.second = self._chain((c2[0], 1), (c2[1], 3))
        third = [(c3[0], 1), (c3[1], 3), (c3[1], 3)]
        if mistake == "5×5":
            third[1:] = [(c3[1], 5)]
        elif mistake == "one 3×3":
            third.pop()
        elif mistake == "narrow":
            third[1] = (c3[0], 3)
        self.third = self._chain(*third)
        self.fourth = self._chain((c4, 1))
        if mistake == "projection first":
            self.fourth.add(self._pool())
        elif mistake != "no pooling":
            self.fourth = nn.HybridSequential()
            self.fourth.add(self._pool(), *self._convs((c4, 1)))

    def _pool(self):
        kind = nn.MaxPool2D if self.mistake == "max" else nn.AvgPool2D
        return kind(3, strides=1, padding=1)

    def _convs(self, *convs):
        layers = []
        for i, (width, size) in enumerate(convs):
            relu = self.mistake != "no ReLU" and not (
                self.mistake == "between" and size == 3 and i < len(convs) - 1
            )
            padding = 0 if self.mistake == "padding" else size // 2
            activation = "relu" if relu else None
            layers.append(nn.Conv2D(width, size, 1, padding, activation=activation))
        return layers

    def _chain(self, *convs):
        chain = nn.HybridSequential()
        chain.add(*self._convs(*convs))
        return chain

    def hybrid_forward(self, F, X):
        branches = [self.last, self.second, self.third, self.fourth]
        if self.mistake == "order":
            branches = branches[::-1]
        made = [branch(X) for branch in branches]
        if self.mistake == "sum":
            return made[0] + made[1] + made[2] + made[3]
        return F.np.concatenate(made, axis=1)


def _with(mistake):
    return lambda c1, c2, c3, c4: _Factorized(c1, c2, c3, c4, mistake)


@Block(
    cases=[
        ((7, (3, 5), (2, 4), 6), (2, 9, 7, 8)),
        ((4, (5, 8), (3, 6), 2), (1, 3, 6, 6)),
    ],
    mistakes={
        "The 5×5 is still there. Two 3×3 take its place.": _with("5×5"),
        "One of the two 3×3 is missing.": _with("one 3×3"),
        "The first of the two 3×3 makes c3[1] channels already.": _with("narrow"),
        "The ReLUs are missing.": _with("no ReLU"),
        "A ReLU is missing between the two 3×3: they'd be one linear map.": _with(
            "between"
        ),
        "This pools the maximum. The average is asked.": _with("max"),
        "The fourth branch pools nothing.": _with("no pooling"),
        "The projection stands before the pooling, not after it.": _with(
            "projection first"
        ),
        "The branches are stacked in the opposite order.": _with("order"),
        "The 3×3 need padding, or the branches don't fit.": _with("padding"),
    },
    hints=(
        "Begin with the chapter's module and change two branches.",
        "Third branch: 1×1 to c3[0], then two 3×3 to c3[1], a ReLU after each of the "
        "three. Fourth: average pooling with stride 1 and padding 1, then the 1×1.",
    ),
    remember="Two 3×3 see as much as one 5×5 for 18/25 of its weights, with one more "
    "ReLU; the next Inception nets never went back to 5×5.",
    variants=(_Factorized,),
)
def factorized_module(c1, c2, c3, c4):
    """An Inception module with two 3×3 for the 5×5, and average pooling."""
    return _Factorized(c1, c2, c3, c4)


faults = Choice(
    "the line of each listing that makes it train badly",
    {
        "A": "33c82e9d96d528a70f029947",
        "B": "be82f328d90f05ab888ea3a1",
        "C": "75b01b13e81e91c89a6bf007",
    },
    {"A": tuple(range(1, 8)), "B": tuple(range(1, 9)), "C": tuple(range(1, 7))},
    {
        "A: that branch is as in the picture: a reduction, then 3×3, a ReLU after "
        "each.": ("A", 3),
        "A: that branch is as in the picture. Which axis do the channels have?": (
            "A",
            4,
        ),
        "A: a pooling needs no ReLU of its own after it.": ("A", 5),
        "B: MSRA is the right choice for ReLUs.": ("B", 2),
        "B: that is the loss of the paper. Whose weights does it move?": ("B", 6),
        "B: dividing by the number of images is right.": ("B", 8),
        "C: a convolution of kernel 4 and stride 4 cuts into patches. It has a ReLU.": (
            "C",
            2,
        ),
        "C: the mean over each map is what GoogLeNet does.": ("C", 4),
        "C: raw scores are what the loss wants.": ("C", 5),
    },
    (
        "Nothing raises an error, so ask of each line what it does, not whether it "
        "runs. A: all branches have 16 channels. B: which weights move? C: how many "
        "weights has the net?",
        "A: on which axis do channels stand in (N, C, H, W)? B: which parameters does "
        "the trainer know? C: what does `[x] * 3` hold?",
    ),
    "Equal sizes hide a wrong axis, a trainer moves only what it is given, and a list "
    "times three holds one object three times.",
)


@Prediction(
    options={
        "under 5": "The layers after the module were trained on maps that are now "
        "zero. Leaving a branch out is another thing than cutting it off.",
        "5 to 20": "The layers after the module were trained together with those "
        "maps, and lose most of what they knew.",
        "over 20": "It fell less here. Is the cell as it was?",
    },
    tried=[
        ((0.8, 0.5, 0.79), "over 20"),
        ([0.8, 0.7, 0.79], "5 to 20"),
        ((0.8, 0.79, 0.79), "under 5"),
    ],
    hints=(
        "What did the next layer's weights learn to expect from these channels?",
        "A net that is trained without a branch can make up for it. Can a net that is "
        "already trained?",
    ),
    remember="Cutting a branch out of a trained net tells how much that net leans on "
    "it, not whether a net needs it: trained without, it finds another way.",
)
def switched_off(measured):
    """How far accuracy falls when a branch is switched off after training."""
    before, after, without = measured_accuracies(measured, 3)
    if min(before, without) < 0.6:
        raise Wrong("two trained nets", short([before, without]),
                    "Is the rest of the cell as it was?")  # fmt: skip
    fall = 100 * (before - after)
    return "under 5" if fall < 5 else "5 to 20" if fall <= 20 else "over 20"


# --- design and claim -----------------------------------------------------------


def _two_lists(answer, keys, chance=None):
    """The accuracies under two keys of a dict, of the same number of seeds."""
    one, two = both_sides(answer, keys, chance=chance)
    if numpy.array_equal(one, two):
        raise Wrong("two sets of runs", "the same accuracies twice",
                    "Was it the same net on both sides?")  # fmt: skip
    return one, two


_LOW, _HIGH = [0.76, 0.77, 0.75, 0.78, 0.76], [0.82, 0.81, 0.83, 0.82, 0.80]
_WEAK = [0.31, 0.32, 0.30, 0.35, 0.33]
_SMALL = ((16, (16, 24), (8, 8), 8), (24, (16, 32), (8, 16), 8),
          (32, (32, 64), (8, 16), 16))  # fmt: skip
_SLIM = ((16, (8, 16), (4, 4), 8), (16, (8, 24), (4, 8), 8), (24, (16, 32), (4, 8), 12))


def _half(widths=_SLIM, full=_HIGH, yours=_LOW, verdict="worse"):
    return {"widths": widths, "full": full, "yours": yours, "verdict": verdict}


@Evidence(
    right=[
        _half(),
        _half(yours=_HIGH[::-1], verdict="can't tell"),
        _half(widths=[list(w) for w in _SLIM], full=_LOW, yours=_HIGH,
              verdict="better"),
        _half(widths=[(None, (12, 24), None, 8)] * 3),
    ],
    mistakes={
        "a dict with": _HIGH,
        "at most half of": _half(widths=_SMALL),
        "widths that make a net": _half(widths=((16, 12), 8)),
        "One seed shows nothing": _half(full=_HIGH[:1], yours=_LOW[:1]),
        "the same seeds on both sides": _half(yours=[*_LOW, 0.7]),
        "the same accuracies twice": _half(yours=_HIGH, verdict="can't tell"),
        "0.7 or more at the median": _half(full=_LOW, yours=_WEAK),
        "Percent?": _half(yours=[76.0, 77.0, 75.0, 78.0, 76.0]),
        "The interval leaves out 0": _half(verdict="can't tell"),
        "The interval contains 0": _half(yours=_HIGH[::-1]),
    },
    hints=(
        "`summary(net, (1, 1, 28, 28))` tells which branch costs most. Which of its "
        "two convolutions is it, and which number do you lower?",
        "The cost of a branch is the product of its reduction and its output; the "
        "first two modules work at 7×7, the third at 3×3.",
    ),
    remember="Half of the MACs is not half of the accuracy: a table of costs says "
    "where to cut, and paired differences say whether the cut is felt.",
)  # fmt: skip
def half_the_cost(answer):
    """A design: at most half of the MACs, accuracy above a floor, and a verdict."""
    expect_keys(answer, ("widths", "full", "yours", "verdict"), others=True)
    shape = (1, 1, 28, 28)
    whole = summary(inception_classroom(widths=_SMALL), shape).macs
    try:
        macs = summary(inception_classroom(widths=answer["widths"]), shape).macs
    except (TypeError, ValueError) as error:
        raise Wrong("widths that make a net: three times (c1, c2, c3, c4)",
                    short(answer["widths"]), short(error)) from None  # fmt: skip
    if 2 * macs > whole:
        raise Wrong(f"at most half of {whole:,} MACs", f"{macs:,}")
    full, yours = _two_lists(answer, ("full", "yours"))
    if numpy.median(yours) < 0.7:
        raise Wrong("'yours': 0.7 or more at the median",
                    f"{numpy.median(yours):.3f}")  # fmt: skip
    as_paired_claim(answer["verdict"], full, yours)


def _claim(without=_LOW, head=_HIGH, verdict="better"):
    return {"without": without, "with": head, "verdict": verdict}


@Evidence(
    right=[
        _claim(),
        _claim(_HIGH, _LOW, "worse"),
        _claim(head=[*_LOW[1:], 0.7], verdict="can't tell"),
        _claim(head=tuple(_LOW[::-1]), verdict="Can\u2019t tell"),
    ],
    mistakes={
        "a dict with": [0.7, 0.75],
        "One seed shows nothing": _claim(_LOW[:2], _HIGH[:2]),
        "Percent?": _claim(head=[82.0, 81.0, 83.0, 82.0, 80.0]),
        "Was the seed the same": _claim(head=[0.8] * 5),
        "the same seeds on both sides": _claim(head=[*_HIGH, 0.8]),
        "the same accuracies twice": _claim(head=_LOW, verdict="can't tell"),
        "a net that learns without the head": _claim(_WEAK, _HIGH),
        "The interval leaves out 0": _claim(verdict="can't tell"),
        "The interval contains 0": _claim(head=[*_LOW[1:], 0.7]),
    },
    hints=(
        "`fit` adds the head's loss by itself; `net.main()` is the net without it, and "
        "`evaluate_accuracy` looks at the net's own scores only.",
        "Compare at a rate at which the net learns without the head. A head that wakes "
        "a dead net is another claim.",
    ),
    remember="A head that helps a dead net is not yet a head that helps. Paired "
    "differences decide, and they often say: can't tell.",
)
def heads_help(answer):
    """Evidence: does an auxiliary head help a net without batch norm?"""
    expect_keys(answer, ("without", "with", "verdict"), others=True)
    without, head = _two_lists(answer, ("without", "with"), chance=0.1)
    if numpy.median(without) < 0.5:
        raise Wrong("a net that learns without the head: 0.5 or more at the median",
                    f"{numpy.median(without):.3f}",
                    "Take a lower rate, or more passes, on both sides.")  # fmt: skip
    as_paired_claim(answer["verdict"], without, head)
