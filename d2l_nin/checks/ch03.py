"""Exercises of chapter 03."""

from __future__ import annotations

import numpy
from mxnet import np
from mxnet.gluon import nn

from d2l_nin.checks.expect import (
    Wrong,
    as_net,
    as_paired_claim,
    both_sides,
    expect_keys,
    measured_accuracies,
    short,
)
from d2l_nin.checks.kinds import Choice, Evidence, Function, Number, Prediction
from d2l_nin.cost import summary
from d2l_nin.localization.maps import split_at_gap
from d2l_nin.nin import nin_classroom

# --- on paper ---------------------------------------------------------------------

diluted = Number(
    "the smallest n at which the net says coat",
    "b803711e7820e9774a9a459e",
    {
        "49 positions aren't enough yet: compare the two sums once more.": 7,
        "n is the number of positions along *one* side of the map.": [64, 63],
        "A map may have an even side as well.": 9,
        "Those 9 positions are among the n·n: the black ones are n·n − 9.": [6, 5],
        "At 3 there is no black at all.": 3,
        "The black positions speak for coat as well: 0.5 each.": 4,
    },
    (
        "Write both scores as sums over all positions; both are divided by n·n, so "
        "that the sums alone decide.",
        "Sandal: 9 · 4 and nothing from the rest. Coat: 9 · 1 and 0.5 from each of the "
        "n·n − 9 others. When is the second larger?",
    ),
    "The mean counts every position alike: a weak opinion at many positions outvotes a "
    "strong one at few, so a larger picture is another question.",
)

# --- code -------------------------------------------------------------------------


def _pairs_of_boxes(rng):
    """Over a corner, one in the other, the same, apart, touching; and drawn ones."""
    fixed = [
        ((2, 3, 12, 11), (6, 5, 18, 13)), ((0, 0, 20, 10), (5, 2, 15, 8)),
        ((5, 2, 15, 8), (0, 0, 20, 10)), ((4, 4, 9, 16), (4, 4, 9, 16)),
        ((0, 0, 10, 10), (3, 14, 12, 20)), ((0, 0, 10, 10), (13, 16, 20, 22)),
        ((0, 0, 8, 8), (8, 0, 16, 8)),
    ]  # fmt: skip
    for _ in range(8):
        corners = numpy.sort(rng.integers(0, 40, (2, 2, 2)), axis=1)
        corners[:, 1] += 1
        fixed.append(tuple(tuple(int(n) for n in c.reshape(4)) for c in corners))
    return fixed


def _sides(box, other):
    """Height and width of what both share; below 0 where they are apart."""
    (t, le, b, r), (T, L, B, R) = box, other
    return min(b, B) - max(t, T), min(r, R) - max(le, L)


def _area(box, more=0):
    return (box[2] - box[0] + more) * (box[3] - box[1] + more)


def _both(box, other, more=0):
    height, width = _sides(box, other)
    return max(height + more, 0) * max(width + more, 0)


def _covered(box, other):
    return _area(box) + _area(other) - _both(box, other)


def _not_clipped(box, other, clip=lambda area: area):
    height, width = _sides(box, other)
    both = clip(height * width)
    return both / max(_area(box) + _area(other) - both, 1)


def _with_border(box, other):
    both = _both(box, other, 1)
    return both / (_area(box, 1) + _area(other, 1) - both)


def _of_the_box_around(box, other):
    (t, le, b, r), (T, L, B, R) = box, other
    around = (max(b, B) - min(t, T)) * (max(r, R) - min(le, L))
    return _both(box, other) / around


@Function(
    cases=_pairs_of_boxes,
    what="the IoU",
    mistakes={
        "These boxes can be apart: a side below 0 has to count as 0.": _not_clipped,
        "Two sides below 0 make an area above 0: clip the sides, not the area.":
            lambda a, b: _not_clipped(a, b, lambda area: max(area, 0)),
        "What both share is counted twice in the sum of areas.":
            lambda a, b: _both(a, b) / (_area(a) + _area(b)),
        "This is Dice: it divides by the mean of both areas.":
            lambda a, b: 2 * _both(a, b) / (_area(a) + _area(b)),
        "This divides by the first box alone.": lambda a, b: _both(a, b) / _area(a),
        "This divides by the smaller box alone.":
            lambda a, b: _both(a, b) / min(_area(a), _area(b)),
        "This divides by the larger box alone.":
            lambda a, b: _both(a, b) / max(_area(a), _area(b)),
        "The box around both holds corners that neither covers.": _of_the_box_around,
        "Bottom and right are outside the box: no pixel has to be added.": _with_border,
        "This is the shared area. Which share is it of what is covered?": _both,
        "This is a percentage.": lambda a, b: 100 * _both(a, b) / _covered(a, b),
        "This is 1 less the IoU.": lambda a, b: 1 - _both(a, b) / _covered(a, b),
        "This only says whether the boxes meet.": lambda a, b: float(_both(a, b) > 0),
    },
    hints=(
        "First the box that both share. Where is its top, and where its bottom?",
        "The shared box begins at the larger of the two tops and ends at the smaller "
        "bottom. What if it ends before it begins?",
        "Divide by what at least one covers: both areas, less what was counted twice.",
    ),
    remember="IoU is shared area by covered area: 1 only for the same box, 0 for boxes "
    "apart, so a height or width below 0 has to count as 0.",
    variants=(lambda a, b: numpy.float64(_both(a, b)) / _covered(a, b),),
)  # fmt: skip
def iou(box, other):
    """Intersection over union of two boxes (top, left, bottom, right)."""
    height = max(min(box[2], other[2]) - max(box[0], other[0]), 0)
    width = max(min(box[3], other[3]) - max(box[1], other[1]), 0)
    return height * width / (_area(box) + _area(other) - height * width)


def _with_two_dense_layers(rng, C, hidden, K):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(C, 3, padding=1, in_channels=2), nn.GlobalAvgPool2D(),
            nn.Flatten(), nn.Dense(hidden, in_units=C),
            nn.Dense(K, in_units=hidden))  # fmt: skip
    net.initialize()
    for parameter in net.collect_params().values():
        values = rng.normal(size=parameter.shape).astype("float32")
        parameter.set_data(np.array(values))
    return net


def _nets_and_images(rng):
    for N, C, hidden, K, H, W in ((2, 4, 6, 3, 5, 7), (1, 3, 2, 5, 4, 6)):
        images = rng.normal(size=(N, 2, H, W)).astype("float32")
        yield _with_two_dense_layers(rng, C, hidden, K), np.array(images)


def _weights(net):
    return [
        p.data().asnumpy() for layer in net[-2:] for p in (layer.weight, layer.bias)
    ]


def _maps(net, X, first=1, second=1, relu=False):
    """The class maps, with each bias taken so many times."""
    (W1, b1, W2, b2), F = _weights(net), net[:-4](X).asnumpy()
    F = numpy.einsum("dc,nchw->ndhw", W1, F) + first * b1[:, None, None]
    F = numpy.maximum(F, 0) if relu else F
    return numpy.einsum("kd,ndhw->nkhw", W2, F) + second * b2[:, None, None]


@Function(
    cases=_nets_and_images,
    what="the class maps",
    mistakes={
        "Both biases are missing: the means are not the scores.":
            lambda net, X: _maps(net, X, 0, 0),
        "The first bias is missing. It goes through the second weights.":
            lambda net, X: _maps(net, X, 0, 1),
        "The second bias is missing.": lambda net, X: _maps(net, X, 1, 0),
        "There is no ReLU between the two layers.":
            lambda net, X: _maps(net, X, relu=True),
        "These are the maps of the backbone, not yet of classes.":
            lambda net, X: net[:-4](X),
        "These are the scores. A map has a value at every position.":
            lambda net, X: net(X),
        "Their means are the scores, but a map is not the same everywhere.":
            lambda net, X: net(X)[:, :, None, None] + 0 * _maps(net, X),
        "GAP divides later: maps are not divided by the number of positions.":
            lambda net, X: _maps(net, X) / (X.shape[2] * X.shape[3]),
        "Height and width have changed places.":
            lambda net, X: _maps(net, X).swapaxes(2, 3),
    },
    hints=(
        "Move both dense layers in front of GAP, one after the other. Each is a 1×1 "
        "convolution there.",
        "Two linear layers are one: which matrix is it, and what becomes of the first "
        "bias?",
    ),
    remember="Any linear layers after GAP can move in front of it; a ReLU between them "
    "stops that, as the mean must come before it.",
    variants=(
        lambda net, X: np.moveaxis(net[-2:](np.moveaxis(net[:-4](X), 1, 3).reshape(
            -1, net[-2].weight.shape[1])).reshape(len(X), *X.shape[2:], -1), 3, 1),
    ),
)  # fmt: skip
def two_dense_layers(net, X):
    """Class maps of a net that ends in GAP, flatten and two dense layers."""
    maps = net[:-4](X)
    for layer in net[-2:]:
        maps = np.einsum("dc,nchw->ndhw", layer.weight.data(), maps)
        maps = maps + layer.bias.data()[:, None, None]
    return maps


faults = Choice(
    "the line of each listing that is at fault",
    {
        "A": "cc886ebde0868af9a88e50f7",
        "B": "58f3072d0c7b1f2bc33ba03a",
        "C": "5e8c37c986bf3a584c4ae5e1",
    },
    {"A": tuple(range(1, 8)), "B": tuple(range(1, 6)), "C": tuple(range(1, 7))},
    {
        "A: these are the sides of a map, and that is right.": ("A", 4),
        "A: the highest of all positions of a map, and that is right.": ("A", 5),
        "A: it takes the map of the class asked for, one a picture.": ("A", 3),
        "A: a point is a row and a column here. Which comes first above?": ("A", 7),
        "B: these are the points before the shift, as they should be.": ("B", 2),
        "B: all garments go down by eight pixels there, and that is right.": ("B", 3),
        "B: these are the points after the shift, as they should be.": ("B", 4),
        "C: a dense layer's weights are stored as (units, inputs).": ("C", 1),
        "C: the maps in front of GAP are what is needed.": ("C", 2),
        "C: here classes come to the front again, and pixels stay in order.": ("C", 6),
        "C: this is the dense layer at each pixel, if each row is a pixel.": ("C", 5),
    },
    (
        "A: what does the first number of unravel_index count? B: where is the "
        "point of a garment after the shift, if it goes along? C: what is a row after "
        "each line?",
        "A: try it on a map whose highest point is at the upper right. B: follow a net "
        "that always points at the middle. C: try it on two channels, one all 0 and "
        "one all 1.",
    ),
    "A swap of axes changes no shape, and any share lies between 0 and 1: none of "
    "these raises an error.",
)


@Prediction(
    options={
        "mean": "Trained with the mean, every position of a map has learned, the "
        "highest as well.",
        "max": "Trained with the maximum, only the highest position of a map has "
        "learned; the others did no great harm here.",
        "neither": "The shapes are the same, but the positions have learned in "
        "different ways.",
    },
    tried=[
        ((0.80, 0.77, 0.80, 0.50), "max"),
        ([0.80, 0.50, 0.80, 0.70], "mean"),
        ((0.80, 0.70, 0.80, 0.67), "neither"),
    ],
    hints=(
        "What does training ask of the positions of a map if the mean counts? And what "
        "if only the highest position counts?",
        "With the maximum, only one position of each map gets a gradient. What do the "
        "others add to a mean?",
    ),
    remember="Mean and maximum have the same shapes and no parameters: nothing but the "
    "accuracy tells that one stands where the other was meant.",
)
def exchanged_pools(measured):
    """Which net loses more when mean and maximum are exchanged after training."""
    mean, mean_as_max, largest, max_as_mean = measured_accuracies(measured, 4)
    if min(mean, largest) < 0.5:
        raise Wrong("two nets that have learned something: above 0.5",
                    f"{mean:.2f} and {largest:.2f}",
                    "Is the rest of the cell as it was?")  # fmt: skip
    loss = {"mean": mean - mean_as_max, "max": largest - max_as_mean}
    if abs(loss["mean"] - loss["max"]) <= 0.05:
        return "neither"
    return max(loss, key=loss.get)


# --- design and claim -------------------------------------------------------------

_LOW, _HIGH = [0.80, 0.81, 0.82, 0.79, 0.80], [0.85, 0.86, 0.87, 0.84, 0.85]


def _finer(channels=32, strides=1):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(channels, 5, 2, 2, activation="relu"), nn.MaxPool2D(2),
            nn.Conv2D(channels, 3, strides, 1, activation="relu"), nn.Conv2D(10, 1),
            nn.GlobalAvgPool2D(), nn.Flatten())  # fmt: skip
    return net


def _at_full_size():
    """Few parameters, used at 28×28 positions."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(32, 3, 1, 1), nn.Conv2D(32, 3, 1, 1), nn.MaxPool2D(4),
            nn.Conv2D(10, 1), nn.GlobalAvgPool2D(), nn.Flatten())  # fmt: skip
    return net


def _design(net=_finer, mine=_HIGH, classroom=_LOW, verdict="better"):
    return {"net": net, "finer": mine, "classroom": classroom, "verdict": verdict}


def _sides_of(answer, keys: tuple) -> list:
    """Accuracies of two sides with the same seeds, out of a dict with these keys."""
    expect_keys(answer, keys)
    return both_sides(answer, keys[-3:-1])


@Evidence(
    right=[
        _design(),
        _design(mine=_LOW, classroom=_HIGH, verdict="worse"),
        _design(mine=_LOW[::-1], verdict="can't tell"),
    ],
    mistakes={
        "a dict with": _finer,
        "of 5 seeds or more": _design(mine=_HIGH[:2]),
        "the same seeds on both sides": _design(mine=[*_HIGH, 0.86]),
        "The interval contains 0": _design(mine=_LOW[::-1]),
        "class maps of shape (1, 10, 7, 7)": _design(lambda: _finer(strides=2)),
        "GlobalAvgPool2D and Flatten at the end": _design(lambda: nn.Dense(10)),
        "at most 156,234 parameters": _design(lambda: _finer(300)),
        "at most 6.0 million MACs": _design(_at_full_size),
    },
    hints=(
        "Which layers make the map smaller? One of them has to go, or to lose its "
        "stride.",
        "Without a pooling the later blocks work at four times as many positions: pay "
        "with fewer channels.",
    ),
    remember="A stride that is left out costs multiply-adds, not parameters: later "
    "blocks compute at more positions.",
)
def finer_maps(answer):
    """A design: class maps of 7×7 on a budget, and how well they classify."""
    classroom, mine = _sides_of(answer, ("net", "classroom", "finer", "verdict"))
    net, budget = as_net(answer["net"]), summary(nin_classroom(), (1, 1, 28, 28))
    net.hybridize(False)
    X = np.zeros((1, 1, 28, 28))
    try:
        backbone, _ = split_at_gap(net)
        shape = (1, net(X).shape[1], *backbone(X).shape[2:])
    except (ValueError, TypeError):
        raise Wrong("a net with GlobalAvgPool2D and Flatten at the end, or these and "
                    "one Dense", short(net)) from None  # fmt: skip
    if shape != (1, 10, 7, 7):
        raise Wrong("class maps of shape (1, 10, 7, 7) for an image", f"{shape}")
    cost = summary(net, (1, 1, 28, 28))
    if cost.num_params > budget.num_params:
        raise Wrong(f"at most {budget.num_params:,} parameters", f"{cost.num_params:,}")
    if cost.macs > 2 * budget.macs:
        raise Wrong(f"at most {2 * budget.macs / 1e6:.1f} million MACs",
                    f"{cost.macs / 1e6:.1f} million")  # fmt: skip
    as_paired_claim(answer["verdict"], classroom, mine)


def _shifted(one=_LOW, other=_HIGH, verdict="refuted"):
    return {"dense": one, "GAP": other, "verdict": verdict}


@Evidence(
    right=[
        _shifted(),
        _shifted(_HIGH, _LOW, "confirmed"),
        _shifted(_LOW, _LOW[::-1], "can\u2019t tell"),
    ],
    mistakes={
        "a dict with": [0.7, 0.75],
        "of 5 seeds or more": _shifted(_LOW[:1], _HIGH[:1]),
        "Percent?": _shifted(other=[75.0, 76.0, 77.0, 74.0, 75.0]),
        "Was the seed the same": _shifted([0.6] * 5),
        "the same seeds on both sides": _shifted(other=[*_HIGH, 0.86]),
        "The interval leaves out 0": _shifted(verdict="confirmed"),
        "The interval contains 0": _shifted(_LOW, _LOW[::-1], "refuted"),
    },
    hints=(
        "The same seeds, images and epochs for both; shift in training with "
        "`augment`, and only one of the two.",
        "functools.partial(random_shift, max_shift=4) is an augment; shift_images "
        "moves the held-out images.",
    ),
    remember="What the architecture does not give, training on shifted pictures can: "
    "compare a design with the cheapest other way to the same end.",
)
def shifts_learned(answer):
    """Evidence: a dense head that saw shifted pictures against GAP that did not."""
    dense, gap = _sides_of(answer, ("dense", "GAP", "verdict"))
    as_paired_claim(
        answer["verdict"], gap, dense, ("confirmed", "refuted", "can't tell")
    )
