"""Exercises of chapter 06."""

from __future__ import annotations

import numpy

from d2l_nin.checks.expect import (
    Wrong,
    as_array,
    as_paired_claim,
    both_sides,
    call,
    expect_keys,
    measured_accuracies,
    short,
)
from d2l_nin.checks.kinds import Choice, Evidence, Function, Number, Prediction

blind_loss = Number(
    "the loss at which a net that sees nothing stays, in hundredths",
    "48dfdc8b067dcd3d7fd17ddc",
    {
        "That is for three classes that are equally frequent.": 109.86,
        "That is for the 62 classes of the chapter.": 412.7,
        "That is the loss of an image of A alone. Half are not of A.": 69.3,
        "That is the loss of an image of B or C alone.": 138.6,
        "That is in bits, by the logarithm to base 2.": 150,
        "That is by the logarithm to base 10.": 45.15,
        "That is the mean over the classes; A has more images than B.": 115.5,
        "It can't see the images, but it can learn how frequent the classes are.": 0,
    },
    (
        "Which probabilities does a net give that can't tell the images apart?",
        "It gives every image the same ones. Which are best, if half of the labels are "
        "A and a quarter each B and C?",
        "Take the mean, over the images, of −log of the label's probability.",
    ),
    "A net that sees nothing ends at the entropy of the labels: ln K where all K "
    "classes are equally frequent, and below it elsewhere.",
    step=1,
)


def _paths(rng):
    """Paths whose folders are classes, in other orders, with some missing."""
    names = ["x", "X_capital", "7", "o", "O_capital", "0", "amp", "a"]
    for count in (9, 5, 14):
        classes = [names[i] for i in rng.permutation(len(names))]
        held = [classes[i] for i in rng.choice([7, 2, 5, 0, 3], count)]
        yield (
            [f"shots/{classes[1]}/{c}/{i:03}.png" for i, c in enumerate(held)],
            classes,
        )
    for paths in (["b/1.png", "a/2.png"], ["a/1.png", "q/2.png"], ["A/1.png"]):
        yield paths, ["a", "b"]


def _folder(path):
    return path.split("/")[-2]


def _found(paths, classes):
    if not {_folder(path) for path in paths} <= set(classes):
        raise ValueError("no such class")
    return sorted({_folder(path) for path in paths})


def _each(label):
    """A function of (paths, classes) from one of a single path."""
    return lambda paths, classes: [label(path, classes) for path in paths]


@Function(
    cases=_paths,
    what="the labels",
    mistakes={
        "These are positions among the folders that were found; with one missing, all "
        "after it have another label.": lambda paths, classes: _each(
            lambda p, c: _found(paths, classes).index(_folder(p))
        )(paths, classes),
        "These are positions in the sorted list; `classes` has its own order.": _each(
            lambda p, c: sorted(c).index(_folder(p))
        ),
        "That is the outermost folder, not the one that holds the picture.": _each(
            lambda p, c: c.index(p.split("/")[0])
        ),
        "A folder that is no class gets a label all the same.": _each(
            lambda p, c: c.index(_folder(p)) if _folder(p) in c else -1
        ),
        "Pictures whose folder is no class are left out in silence.": (
            lambda paths, c: [c.index(_folder(p)) for p in paths if _folder(p) in c]
        ),
        "These are the names. A label is a position.": _each(lambda p, c: _folder(p)),
        "Classes count from 0.": _each(lambda p, c: c.index(_folder(p)) + 1),
    },
    hints=(
        "Which part of the path is the folder that holds the picture?",
        "A label must not depend on which pictures happen to be there.",
        "`Path(path).parent.name` is the folder's name; `classes.index` raises a "
        "ValueError by itself.",
    ),
    remember="The list of classes is part of the model: keep it beside the weights, "
    "and never rebuild it from the folders that happen to be there.",
)
def labels_of(paths, classes):
    """The position in `classes` of the folder that each picture stands in."""
    return [classes.index(_folder(path)) for path in paths]


def _by_group(groups, test_part, seed):
    """A right answer, for the tests."""
    names = numpy.random.default_rng(seed).permutation(numpy.unique(groups))
    count = min(max(round(test_part * len(names)), 1), len(names) - 1)
    in_test = numpy.isin(groups, names[:count])
    return numpy.flatnonzero(~in_test), numpy.flatnonzero(in_test)


def _torn(groups, test_part, seed):
    rows = numpy.random.default_rng(seed).permutation(len(groups))
    count = int(test_part * len(rows))
    return rows[count:], rows[:count]


def _masks(groups, test_part, seed):
    in_test = numpy.zeros(len(groups), bool)
    in_test[_by_group(groups, test_part, seed)[1]] = True
    return ~in_test, in_test


def _rows(parts, count: int) -> list[numpy.ndarray]:
    """Both parts as rows of `count` pictures, each picture once."""
    if not isinstance(parts, (tuple, list)) or len(parts) != 2:
        raise Wrong("two parts: (train_rows, test_rows)", short(parts))
    if not all(map(len, parts)):
        raise Wrong("a group or more on each side", "an empty part")
    parts = [as_array(part, "rows") for part in parts]
    for part in parts:
        if part.dtype.kind == "b":
            raise Wrong("rows as numbers", "a mask of True and False",
                        "numpy.flatnonzero makes rows of a mask.")  # fmt: skip
        if part.ndim != 1 or (part != part.astype(int)).any():
            raise Wrong("rows: whole numbers (n,)", f"{part.dtype} {part.shape}")
    both = numpy.sort(numpy.concatenate(parts))
    if len(numpy.unique(both)) < len(both):
        raise Wrong("each picture once", "one that stands in both parts, or twice")
    if not numpy.array_equal(both, numpy.arange(count)):
        raise Wrong(f"all {count} pictures", f"{len(both)} rows",
                    "Some pictures are in neither part.")  # fmt: skip
    return [part.astype(int) for part in parts]


@Evidence(
    right=[_by_group, lambda *given: list(map(list, _by_group(*given)))],
    mistakes={
        "two parts": lambda *_: 3,
        "groups are torn apart": _torn,
        "stands in both parts": lambda *given: [_by_group(*given)[1]] * 2,
        "in neither part": lambda *given: [x[:-1] for x in _by_group(*given)],
        "numpy.flatnonzero": _masks,
        "changed places": lambda *given: _by_group(*given)[::-1],
        "does nothing": lambda groups, part, seed: _by_group(groups, part, 0),
        "The share of the test part is fixed": lambda groups, part, seed: _by_group(
            groups, 0.25, seed
        ),
        "from a generator": lambda groups, part, seed: _by_group(groups, part, None),
        "a group or more": lambda groups, *_: (numpy.arange(len(groups)), []),
    },
    hints=(
        "What is it that you shuffle: pictures, or groups?",
        "numpy.unique(groups) are the groups. Choose some of them for test, with a "
        "generator that the seed fixes.",
        "numpy.isin(groups, chosen) says of each picture whether it is in test.",
    ),
    remember="Split what belongs together as one: by writer, by film, by patient. "
    "Otherwise the test asks what the net has seen.",
)
def split_by_group(answer):
    """Training and test rows, no group on both sides."""
    rng = numpy.random.default_rng(6)
    for count, test_part in ((40, 0.25), (24, 0.5), (5, 0.05)):
        sizes = rng.integers(1, 9, count)
        groups = rng.permutation(numpy.repeat(rng.permutation(300)[:count], sizes))

        def split(seed, part=test_part, groups=groups):
            parts = call(answer, groups.copy(), part, seed)
            return _rows(parts, len(groups))

        train, test = split(0)
        torn = numpy.intersect1d(groups[train], groups[test])
        if len(torn):
            raise Wrong("each group on one side", f"{len(torn)} on both",
                        "Some groups are torn apart: choose groups, not pictures."
                        )  # fmt: skip
        share = len(numpy.unique(groups[test])) / count
        if abs(share - test_part) > max(0.12, 1 / count):
            turned = test_part == 0.25 and share > 0.6
            raise Wrong(f"{test_part:.0%} of {count} groups in test", f"{share:.0%}",
                        "Train and test have changed places." if turned
                        else "The share of the test part is fixed.")  # fmt: skip
        if not numpy.array_equal(numpy.sort(split(0)[1]), numpy.sort(test)):
            raise Wrong("the same split for the same seed", "another",
                        "Take the randomness from a generator with the seed."
                        )  # fmt: skip
        others = [numpy.sort(split(seed)[1]).tolist() for seed in (1, 2, 3)]
        if all(other == numpy.sort(test).tolist() for other in others):
            raise Wrong("another split for another seed", "the same",
                        "The seed does nothing.")  # fmt: skip


at_fault = Choice(
    "the line of each listing that is at fault",
    {
        "A": "9df521b0eafc44e4f1a60e53",
        "B": "8ad0c2ea6539269e0f5d4242",
        "C": "c44daadcd79bba6ae590a059",
    },
    {"A": tuple(range(1, 6)), "B": tuple(range(1, 8)), "C": tuple(range(1, 8))},
    {
        "A: a fresh backbone is right: its numbers come in the next line.": ("A", 1),
        "A: a new head on the old backbone is right.": ("A", 3),
        "B: rows are shuffled as they should be. Which rows are there by then?": (
            "B",
            3,
        ),
        "B: each row is on one side. Which pictures stand in these rows?": ("B", 4),
        "B: it is trained on the training rows alone.": ("B", 5),
        "C: each net is trained on training pictures only.": ("C", 4),
        "C: the best is looked up rightly. By what was it chosen?": ("C", 6),
        "C: one test at the end is right. Which line has seen its pictures before?": (
            "C",
            7,
        ),
    },
    (
        "Ask of each line what it does to what earlier lines have made: to weights, to "
        "pictures that are alike, to pictures that are to stay unseen.",
        "A: which weights does `fit` begin with? B: where do the versions of one "
        "picture go? C: which pictures chose the rate?",
    ),
    "An accuracy on new pictures needs pictures that nothing was fitted to or chosen "
    "by: not the weights, not the rate, and no copy of them either.",
)


@Prediction(
    options={
        "less than 2 points": "It is more than that: one label in five says something "
        "wrong with full confidence.",
        "2 to 15 points": "Look at the two accuracies again: is it within these?",
        "more than 15 points": "It is less: wrong labels are spread over all classes, "
        "and the right ones of a class agree.",
    },
    tried=[((0.86, 0.79), "2 to 15 points"), ([0.86, 0.8], "2 to 15 points")],
    hints=(
        "In which direction does a wrong label push, and do the wrong labels of a "
        "class agree with each other?",
        "Four of five labels of a class agree; the fifth is spread over 62.",
    ),
    remember="Labels that are wrong at random cost less than their share, for they "
    "don't agree with each other. Labels that are wrong alike cost all of it.",
)
def label_noise(measured):
    """What 20% of random labels cost on right ones."""
    clean, noisy = measured_accuracies(measured, 2)
    if clean < 0.5:
        raise Wrong("a net that learns from right labels", f"{clean:.1%}",
                    "Is the rest of the cell as it was?")  # fmt: skip
    cost = clean - noisy
    if cost < 0.02:
        return "less than 2 points"
    return "2 to 15 points" if cost <= 0.15 else "more than 15 points"


def _halved(X, rng):
    """An augmentation of the right form, for the tests."""
    return (X * rng.uniform(0.5, 1)).astype("uint8")


# What the recipe reaches, less what machines and seeds differ.
_BEFORE, _AFTER = [0.60, 0.62, 0.61, 0.63, 0.59], [0.66, 0.67, 0.65, 0.68, 0.66]
_LOWEST_BEFORE = 0.3


def _design(augment=_halved, before=_BEFORE, after=_AFTER, verdict="better"):
    return {"augment": augment, "before": before, "after": after, "verdict": verdict}


def _in_place(X, rng):
    X //= 2
    return X


def _claim(answer, names, words, lowest: float, recipe: str) -> None:
    """Accuracies of both sides, the first at its level, and what follows from them."""
    first, second = both_sides(answer, names, named=repr)
    if numpy.median(first) < lowest:
        raise Wrong(
            f"{names[0]!r}: what {recipe} reaches, a median of {lowest:g} or more",
            f"{numpy.median(first):.3f}", "A weak start makes any change look good.",
        )  # fmt: skip
    as_paired_claim(answer["verdict"], first, second, words)


@Evidence(
    right=[
        _design(),
        _design(after=_BEFORE[::-1], verdict="Can\u2019t tell"),
        _design(after=[x - 0.06 for x in _BEFORE], verdict="worse"),
    ],
    mistakes={
        "a dict with": [0.6, 0.7],
        "One seed shows nothing": _design(before=_BEFORE[:1]),
        "the same seeds on both sides": _design(after=[*_AFTER, 0.67]),
        "A weak start": _design(before=[x - 0.4 for x in _BEFORE]),
        "The interval contains 0": _design(after=_BEFORE[::-1]),
        "The interval leaves out 0": _design(verdict="can't tell"),
        "bytes of the same shape": _design(lambda X, rng: X[:, :20]),
        "It makes floats": _design(lambda X, rng: X * 0.5),
        "leaves the images as they are": _design(lambda X, rng: X.copy()),
        "changed in place": _design(_in_place),
        "takes its randomness from elsewhere": _design(
            lambda X, rng: (X * numpy.random.uniform(0.5, 1)).astype("uint8")
        ),
    },
    hints=(
        "In what do two fonts differ that drawings of one font don't: slant, weight of "
        "the lines, width, serifs?",
        "Draw with `rng` only: data.train.images[:5] before and after, as pictures.",
        "Pair the runs of one seed, and take the interval of their differences.",
    ),
    remember="A change counts against a start that was done well, over seeds, on data "
    "that did not choose it. Most ideas end in can't tell, and that is a result.",
)
def another_font(answer):
    """A design: an augmentation, and what it does for a font that is held out."""
    expect_keys(answer, ("augment", "before", "after", "verdict"), others=True)
    X = numpy.random.default_rng(0).integers(0, 256, (6, 28, 28)).astype("uint8")

    def augmented(seed):
        given = X.copy()
        came = call(answer["augment"], given, numpy.random.default_rng(seed))
        if not numpy.array_equal(given, X):
            raise Wrong("images left as they were", "some that were changed in place",
                        "Work on a copy.")  # fmt: skip
        return as_array(came, "images")

    came = augmented(0)
    if came.shape == X.shape and came.dtype != numpy.uint8:
        raise Wrong("bytes", f"{came.dtype}",
                    "It makes floats: astype('uint8') at the end.")  # fmt: skip
    if came.shape != X.shape:
        raise Wrong("bytes of the same shape", f"{came.shape}")
    others = [augmented(seed) for seed in range(8)]
    if all(numpy.array_equal(other, X) for other in others):
        raise Wrong("images that are changed", "a function that leaves the images as "
                    "they are")  # fmt: skip
    if not numpy.array_equal(augmented(0), came):
        raise Wrong("the same for the same generator", "something else",
                    "It takes its randomness from elsewhere: use rng.")  # fmt: skip
    words = ("better", "worse", "can't tell")
    _claim(answer, ("before", "after"), words, _LOWEST_BEFORE, "this recipe")


_BACKBONE, _SHIFTED = [0.90, 0.91, 0.89, 0.92, 0.90], [0.70, 0.72, 0.71, 0.73, 0.69]
_LOWEST_BACKBONE = 0.7


def _backbones(backbone=_BACKBONE, shifted=_SHIFTED, verdict="refuted"):
    return {"backbone": backbone, "shifted": shifted, "verdict": verdict}


@Evidence(
    right=[
        _backbones(),
        _backbones(shifted=_BACKBONE[::-1], verdict="can't tell"),
        _backbones(shifted=[x + 0.05 for x in _BACKBONE], verdict="Confirmed"),
    ],
    mistakes={
        "a dict with": [0.8, 0.7],
        "A weak start": _backbones([x - 0.4 for x in _BACKBONE]),
        "The interval contains 0": _backbones(shifted=_BACKBONE[::-1]),
        "The interval leaves out 0": _backbones(verdict="can't tell"),
    },
    hints=(
        "Two things differ, and no third: the weights to begin with, and the shifts.",
        "The same seeds, the same 20 drawings of each class, the same test drawings.",
        "Take shifted minus backbone for each seed, and the interval of the mean.",
    ),
    remember="Shifts show a net the same strokes elsewhere; a backbone has seen "
    "strokes that are not in your pictures at all.",
)
def shifts_for_a_backbone(answer):
    """Evidence: a backbone of characters against shifted drawings from scratch."""
    names, words = ("backbone", "shifted"), ("confirmed", "refuted", "can't tell")
    expect_keys(answer, (*names, "verdict"), others=True)
    _claim(answer, names, words, _LOWEST_BACKBONE, "the chapter's backbone")
