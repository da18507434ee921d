"""Exercises of chapter 02."""

from __future__ import annotations

import math

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_array,
    as_net,
    as_paired_claim,
    as_whole_number,
    both_sides,
    expect_keys,
    short,
)
from d2l_nin.checks.kinds import (
    Choice,
    Evidence,
    Function,
    Number,
    Prediction,
    in_a_row,
)


def _pools(rng):
    """Sizes at which floor, ceil and round differ, and at which they don't."""
    fixed = [(54, 3, 2), (9, 3, 3), (10, 4, 4), (7, 7, 2), (13, 2, 1), (12, 5, 4)]
    drawn = [(int(k + rng.integers(1, 90)), int(k), int(rng.integers(1, k + 1)))
             for k in rng.integers(2, 12, 8)]  # fmt: skip
    return [(*sizes, ceil) for sizes in fixed + drawn for ceil in (False, True)]


def _height(rounded=None, before=0, after=0):
    """A wrong height: rounded so in both modes, or with more rows or positions."""

    def wrong(n, k, s, c):
        rounding = rounded or (math.ceil if c else math.floor)
        return int(rounding((n + before - k) / s)) + 1 + after

    return wrong


@Function(
    cases=_pools,
    what="the height",
    mistakes={
        "This always rounds down.": _height(math.floor),
        "This always rounds up.": _height(math.ceil),
        "Up and down are swapped.": lambda n, k, s, c: _height()(n, k, s, not c),
        "The first position is missing.": _height(after=-1),
        "One position too many.": _height(after=1),
        "Python's round goes to the nearest; it was to be down or up.": _height(round),
        "Rounded after adding one.": lambda n, k, s, c: round((n - k) / s + 1),
        "Rounded to the nearest.": _height(lambda steps: math.floor(steps + 0.5)),
        "Where the strides fit exactly, ceil_mode adds nothing.": lambda n, k, s, c: (
            (n - k) // s + 1 + c
        ),
        "kernel_size is missing.": lambda n, k, s, c: -(-n // s) if c else n // s,
        "Here the strides make no difference.": lambda n, k, s, c: n - k + 1,
        "This is not rounded at all.": lambda n, k, s, c: (n - k) / s + 1,
        "There is no padding here.": _height(before=2),
    },
    hints=(
        "The kernel's first position is free. How many further steps fit?",
        "Count the steps: (height − kernel_size) / strides, rounded. Then add the "
        "first position.",
        "In Python a // b rounds down, and −(−a // b) rounds up.",
    ),
    remember="Rounding is all that differs: Gluon's pooling gives 54-26-12-5, Caffe's "
    "54-27-13-6; with ceil_mode=True Gluon does as Caffe.",
)
def output_size(height, kernel_size, strides, ceil_mode):
    """The height after pooling, rounded down or up."""
    steps = (height - kernel_size) / strides
    return (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1


def _blocks(rng):
    """Small blocks with 0 to 3 1×1 convolutions, and the first three of d2l's net."""
    fixed = [(1, 96, 11, 2), (96, 256, 5, 2), (256, 384, 3, 2), (8, 8, 3, 0)]
    drawn = [[int(n) for n in rng.integers((1, 4, 2, 1), (64, 90, 8, 4))]
             for _ in range(6)]  # fmt: skip
    return fixed + [tuple(sizes) for sizes in drawn]


def _count(area=lambda k: k * k, reads=lambda c, d: d, biases=lambda d, n: d * (1 + n)):
    """A number of parameters, with a kernel, inputs of the 1×1s, or biases amiss."""
    return lambda c, d, k, n: c * area(k) * d + n * reads(c, d) * d + biases(d, n)


@Function(
    cases=_blocks,
    what="the number of parameters",
    mistakes={
        "A kernel has k · k positions.": _count(area=lambda k: k),
        "The kernel size is missing.": _count(area=lambda k: 1),
        "The biases are missing.": _count(biases=lambda d, n: 0),
        "Each convolution has biases, the 1×1s as well.": _count(biases=lambda d, n: d),
        "What do the 1×1s read: the block's input?": _count(reads=lambda c, d: c),
        "A 1×1 convolution has a weight for each pair of channels.": _count(
            reads=lambda c, d: 1
        ),
        "The 1×1 convolutions are missing.": lambda c, d, k, n: (c * k * k + 1) * d,
        "num_1x1 makes no difference here.": lambda c, d, k, n: _count()(c, d, k, 2),
        "Only the first convolution has a k×k kernel.": lambda c, d, k, n: (
            (c * k * k + 1) * d + n * (d * k * k + 1) * d
        ),
    },
    hints=(
        "A weight for each input channel, output channel and position of the kernel; a "
        "bias for each output channel.",
        "The first convolution: in_channels · k · k · num_channels + num_channels.",
        "Each 1×1 convolution reads num_channels and makes num_channels.",
    ),
    remember="An mlpconv layer has D(Ck² + 1) + nD(D + 1) parameters, whatever the "
    "image's size; the two 1×1s may hold a fifth of them, or most.",
)
def block_parameters(in_channels, num_channels, kernel_size, num_1x1):
    """Weights and biases of an mlpconv layer."""
    first = (in_channels * kernel_size**2 + 1) * num_channels
    return first + num_1x1 * (num_channels + 1) * num_channels


@Prediction(
    options={
        "both": "With the ReLU no gradient passes, so no weight moves.",
        "neither": "Without the ReLU every map passes a gradient, however low it is.",
        "with the ReLU": "It is the other way round. Where does a ReLU pass one?",
        "without it": "Nothing but a cell that was changed can show that.",
    },
    tried=[((2.3026, 0.61), "without it"), ([2.303, 1.2], "without it")],
    hints=(
        "What is the ReLU's gradient where its input is below zero?",
        "Without the ReLU, does softmax notice that all ten scores are lower by 10?",
    ),
    remember="After a ReLU, maps below zero give a loss of ln K and no gradient: the "
    "net is dead. Without the ReLU it recovers.",
)
def frozen_or_not(losses):
    """Whether a net learns whose class maps all begin far below zero."""
    losses = as_array(losses, "two losses, as the cell measures them")
    learned = losses[1] < 2 and abs(losses[0] - math.log(10)) <= 0.01
    if losses.shape != (2,) or not learned:
        raise Wrong("a loss that stays with the ReLU and falls without it",
                    short(losses.tolist()), "Is the rest of the cell as it was?"
                    )  # fmt: skip
    return "without it"


training_memory = Number(
    "the MiB of feature maps that training keeps, 192 images",
    "651f4cc30f8f055683b4b4df",
    {
        "This is for one image. All of a batch are kept.": 1.76,
        "The first convolution needs its input as well: the images.": 336.0,
        "This counts a map before and after its ReLU. The ReLU needs its output alone, "
        "which the next convolution keeps as well.": 674.25,
        "This counts the numbers. Each of them takes 4 bytes.": 84.56,
        "This is in MB of a million bytes; a MiB is 1024 · 1024.": 354.68,
        "These are the weights: the smallest part by far.": 0.23,
        "A float32 takes 4 bytes, not 8.": 676.5,
    },
    (
        "Which arrays does the backward pass of a convolution need, and which that of "
        "a ReLU?",
        "The images, and the output of each of the three ReLUs, each at 32×32.",
        "Images × pixels × (all channels that are kept) × 4 bytes / 1024 / 1024.",
    ),
    "Training keeps every layer's maps for each image of the batch: they take a "
    "thousand times what the weights take here, and halve with the batch.",
    step=1,
)

faults = Choice(
    "the line of each listing that makes it train badly",
    {
        "A": "1d709ce854dfa3497fa5b199",
        "B": "462ca2ba5c58d991df753f47",
        "C": "7104374910b41985ac2471d7",
    },
    dict.fromkeys("ABC", tuple(range(1, 9))),
    {
        "A: pooling belongs there. Where do the first weights come from?": ("A", 4),
        "A: rate and epochs are usual ones. What do they start from?": ("A", 8),
        "A: class maps without a ReLU and their mean: right.": ("A", 6),
        "B: the loss takes raw scores. Does it get any?": ("B", 6),
        "B: the loss itself is the right one. What is it given?": ("B", 1),
        "B: one loss for each image, divided by their number: right.": ("B", 8),
        "C: one loss for each image is what Gluon's losses give.": ("C", 5),
        "C: the rate is a usual one. What is it multiplied by?": ("C", 1),
        "C: accuracy is only looked at there.": ("C", 8),
    },
    (
        "Ask of each line what would go wrong without an error: a value that can't be "
        "reached, a loss that can't fall, a step of the wrong size.",
        "A: what comes out of each layer at the start? B: what is the smallest loss it "
        "can reach? C: by how much does a step move a weight?",
    ),
    "What fails without an error is found by asking of each line which values it can "
    "produce, and by knowing the loss at the start and at the end.",
)


def _one_and_two_steps(width=24):
    def net_of(*head):
        net = nn.HybridSequential()
        net.add(nn.Conv2D(width, 5, 2, activation="relu"), *head)
        net.add(nn.GlobalAvgPool2D(), nn.Flatten())
        return net

    def one():
        return net_of(nn.Conv2D(10, 3, padding=1))

    def two():
        return net_of(nn.Conv2D(64, 1, activation="relu"), nn.Conv2D(10, 1))

    return one, two


_LOW, _HIGH = [0.70, 0.71, 0.72, 0.69, 0.70], [0.75, 0.76, 0.77, 0.74, 0.75]


def _steps(one=_LOW, two=_HIGH, verdict="better", nets=None):
    nets = nets or _one_and_two_steps()
    return {"nets": nets, "one step": one, "two steps": two, "verdict": verdict}


@Evidence(
    right=[
        _steps(),
        _steps(_HIGH, _LOW, "worse"),
        _steps(two=_LOW[::-1], verdict="can't tell"),
        _steps(two=tuple(_LOW), verdict="Can\u2019t tell"),
    ],
    mistakes={
        "a dict with": [0.7, 0.75],
        "One seed shows nothing": _steps(_LOW[:1], _HIGH[:1]),
        "Percent?": _steps(two=[75.0, 76.0, 77.0, 74.0, 75.0]),
        "Was the seed the same": _steps(two=[0.75] * 5),
        "the same seeds on both sides": _steps(two=[*_HIGH, 0.78]),
        "The interval leaves out 0": _steps(verdict="can't tell"),
        "The interval contains 0": _steps(two=_LOW[::-1]),
        "scores of shape (1, 10)": _steps(nets=(lambda: nn.Dense(3),) * 2),
        "nets that end in class maps": _steps(nets=(lambda: nn.Dense(10),) * 2),
        "it could be the size": _steps(
            nets=_one_and_two_steps()[:1] + _one_and_two_steps(48)[1:]
        ),
    },
    hints=(
        "Say first what is lost: which combinations of the channels can ten maps carry "
        "on, and what could 1×1 convolutions after them still mix?",
        "Give the second net the same number of parameters: fewer channels in the 3×3, "
        "more in the step between.",
        "Train both with the same seeds, five or more, and compare them seed by seed: "
        "compare(…).difference(…) gives the interval.",
    ),
    remember="A narrow layer bounds all that follows: 1×1 convolutions after ten maps "
    "mix ten numbers. Whether that matters on a data set, only seeds tell.",
)
def one_step(answer):
    """A design: to ten class maps in one step or in two, at equal size."""
    keys = ("nets", "one step", "two steps", "verdict")
    expect_keys(answer, keys)
    one, two = both_sides(answer, keys[1:3])
    sizes = []
    for net in in_a_row(answer["nets"], 2, "a function that makes a net"):
        net = as_net(net)
        net.hybridize(False)
        scores = as_array(net(np.zeros((1, 1, 28, 28))))
        if scores.shape != (1, 10):
            raise Wrong("scores of shape (1, 10) for an image", f"{scores.shape}")
        try:  # a mean over class maps takes images of any size, a dense layer one
            net(np.zeros((1, 1, 36, 36)))
        except Exception:
            raise Wrong("nets that end in class maps and their mean",
                        "one that takes no other size of images than 28×28",
                        "Is there a dense layer?") from None  # fmt: skip
        sizes.append(sum(p.data().size for p in net.collect_params().values()))
    if max(sizes) > 1.1 * min(sizes):
        raise Wrong("nets whose numbers of parameters differ by a tenth at most",
                    f"{sizes[0]:,} and {sizes[1]:,}",
                    "Otherwise it could be the size that counts.")  # fmt: skip
    as_paired_claim(answer["verdict"], one, two)


_FROZEN, _SAVED = [0.1, 0.1, 0.172, 0.1, 0.15], [0.61, 0.72, 0.28, 0.55, 0.3]


def _runs(before=_FROZEN, after=_SAVED, alive=4, **more):
    return {"before": before, "after": after, "alive": alive, **more}


@Evidence(
    right=[
        _runs(),
        _runs(after=numpy.array(_SAVED), changed="lr"),
        _runs([0.1] * 6, [0.1] * 5 + [0.2], 0),
        _runs(after=tuple(_SAVED), alive=4.0),
    ],
    mistakes={
        "a dict with": [0.1, 0.6],
        "of 5 seeds or more": _runs(_FROZEN[:3], _SAVED[:3], 2),
        "Percent?": _runs(after=[61.0, 72.0, 28.0, 55.0, 30.0]),
        "Was the seed the same": _runs(after=[0.6] * 5),
        "the same seeds before and after": _runs(after=[*_SAVED, 0.7]),
        "a net that mostly fails": _runs(_SAVED, _SAVED[::-1]),
        "Did the new settings reach fit?": _runs(after=_FROZEN, alive=0),
        "how many of 'after' are 0.3 or more": _runs(alive=5),
    },
    hints=(
        "Lower the peak rate, or give it more steps. Change one thing at a time.",
        "The same seeds before and after, five or more. A run lives if its accuracy is "
        "0.3 or more.",
    ),
    remember="How often it works is the result: a range over seeds, before and after "
    "one change, says more than the best run.",
)
def rescue(answer):
    """Accuracies over seeds, before and after one change of fit's settings."""
    keys = ("before", "after", "alive")
    expect_keys(answer, keys, others=True)
    before, after = (accuracies_of_seeds(answer[key], repr(key), chance=0.1)
                     for key in keys[:2])  # fmt: skip
    if len(before) != len(after):
        raise Wrong("the same seeds before and after",
                    f"{len(before)} and {len(after)}")  # fmt: skip
    if 2 * (before >= 0.3).sum() > len(before):
        raise Wrong("a net that mostly fails before the change",
                    "more than half of the runs at 0.3 or above",
                    "Is it the small net with last_relu=True, without batch norm, and "
                    "lr=0.2?")  # fmt: skip
    if numpy.array_equal(before, after):
        raise Wrong("two sets of runs", "the same accuracies twice",
                    "Did the new settings reach fit?")  # fmt: skip
    said, alive = as_whole_number(answer["alive"], "a number of runs"), after >= 0.3
    if said != alive.sum():
        raise Wrong("how many of 'after' are 0.3 or more", f"{said}")
