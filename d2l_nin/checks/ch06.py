"""Exercises of chapter 06."""

from __future__ import annotations

import math
from statistics import median

import numpy

from d2l_nin.checks.exercise import exercise
from d2l_nin.checks.expect import (
    Wrong,
    accuracies_of_seeds,
    as_array,
    as_number,
    as_text,
    as_whole_number,
    call,
    expect_number,
    expect_shape,
    likely_mistake,
    measured_accuracies,
)


@exercise(
    "How many numbers has one row?",
    "Drawings × classes × bytes of a float32.",
    remember="One-hot rows grow with the number of classes; integers don't.",
)
def bytes_of_one_hot(answer):
    """Bytes of one-hot labels of 13,640 drawings of 62 classes."""
    came, wanted = as_whole_number(answer, "a number of bytes"), 13_640 * 62 * 4
    mistakes = {
        13_640 * 4: "These are the integer labels.",
        13_640 * 62: "That counts the numbers. A float32 has 4 bytes.",
        13_640 * 62 * 8: "That takes 8 bytes a number; float32 has 4.",
        13_640 * 10 * 4: "That is for ten classes.",
    }
    what = "the bytes of (13,640 drawings, 62 classes) in float32"
    expect_number(came, wanted, what, mistakes)


@exercise(
    "Which shares does a net give that can't tell the images apart?",
    "It gives every image the shares ½, ¼, ¼. Take the mean of −log of the label's "
    "share over the images.",
    remember="A net that sees nothing ends at the entropy of the labels: ln K where "
    "all K classes are equally frequent.",
)
def blind_loss(answer):
    """The entropy of labels of which half are A, a quarter B and a quarter C."""
    came = as_number(answer, "a loss")
    wanted = 0.5 * math.log(2) + 0.5 * math.log(4)
    mistakes = (
        (math.log(3), "That is for three classes that are equally frequent."),
        (math.log(62), "That is for 62 classes that are equally frequent."),
        (math.log(2), "That is the loss of an image of A alone. Half are not of A."),
        (math.log(4), "That is the loss of an image of B or C alone."),
        (wanted / math.log(2), "That is in bits, by the logarithm to base 2."),
        (wanted / math.log(10), "That is by the logarithm to base 10."),
        (-wanted, "The sign: a loss is −log p, and p is below 1."),
    )
    if abs(came - wanted) > 0.006:
        mistake = likely_mistake(came, mistakes, rtol=0, atol=0.006)
        expected = "the mean of −log of the labels' shares, by the natural logarithm"
        raise Wrong(expected, f"{came:g}", mistake)


def _rows_of(labels, num_classes: int) -> numpy.ndarray:
    return numpy.eye(num_classes)[numpy.asarray(labels)]


@exercise(
    "Compare the labels, as a column, with 0 … K−1, as a row.",
    "`labels.reshape(-1, 1) == numpy.arange(num_classes)` has shape (N, K). Check the "
    "labels first, the smallest and the largest.",
    remember="A label that is no class should be told at once: else it becomes a row "
    "of zeros, or takes another class's place.",
)
def one_hot(answer):
    """One-hot rows of integer labels; a ValueError for a label that is no class."""
    labels, num_classes = [2, 0, 4, 2], 5
    rows = call(answer, numpy.array(labels), num_classes)
    rows = expect_shape(
        rows,
        (4, 5),
        {
            (5, 4): "Samples stand in rows, classes in columns.",
            (4,): "There is one row of num_classes numbers for each label.",
            (4, 1): "There is one row of num_classes numbers for each label.",
            (20,): "Reshape it to (N, num_classes).",
            (4, 3): "That has a column for each class that occurs, not for each class.",
            (4, 6): "Classes count from 0 to num_classes − 1.",
            (4, 4): "The columns are num_classes, not the number of labels.",
        },
        "one-hot rows",
    )
    wanted = _rows_of(labels, num_classes)
    if not numpy.array_equal(rows, wanted):
        mistake = ""
        if numpy.array_equal(rows, 1 - wanted):
            mistake = "0 and 1 are exchanged."
        elif numpy.array_equal(rows, numpy.roll(wanted, 1, axis=1)):
            mistake = "Every 1 stands one column too far right: classes count from 0."
        elif numpy.array_equal(rows, numpy.roll(wanted, -1, axis=1)):
            mistake = "Every 1 stands one column too far left: classes count from 0."
        elif numpy.array_equal(rows, wanted * numpy.array(labels)[:, None]):
            mistake = "The label itself stands in its place; a 1 should."
        elif (rows.sum(axis=1) == 1).all():
            mistake = "One 1 in each row, but not in the label's column."
        elif not rows.any():
            mistake = "All are zero."
        raise Wrong(
            "a 1 in the column of each label, 0 elsewhere",
            f"rows that sum to {rows.sum(axis=1).tolist()}",
            mistake,
        )
    more = call(answer, numpy.array([61, 0]), 62)
    if not numpy.array_equal(as_array(more), _rows_of([61, 0], 62)):
        raise Wrong("the same for 62 classes", "other rows", "Use num_classes.")
    for bad, what in (([0, 5], "5 of 5 classes"), ([-1, 0], "−1")):
        try:
            answer(numpy.array(bad), num_classes)
        except ValueError:
            continue
        except Exception as error:
            raise Wrong(
                f"a ValueError for the label {what}",
                type(error).__name__,
                f"Label {what}: raise ValueError yourself, with what was expected.",
            ) from None
        raise Wrong(
            f"a ValueError for the label {what}",
            "no error",
            f"A label that is no class ({what}) must not pass in silence.",
        )


@exercise(
    "Count hits and samples for each class, then divide.",
    "`numpy.bincount(labels[predicted == labels], minlength=num_classes)` are hits.",
    remember="The mean over all samples hides a class that is always wrong.",
)
def accuracy_by_class(answer):
    """The accuracy of each class; NaN for a class without samples."""
    labels = numpy.array([0, 0, 0, 0, 1, 1, 3, 3, 3, 3])
    predicted = numpy.array([0, 0, 0, 1, 1, 0, 3, 0, 0, 0])
    wanted = numpy.array([0.75, 0.5, numpy.nan, 0.25])
    try:
        came = call(answer, predicted, labels, 4)
    except ZeroDivisionError:
        raise Wrong(
            "NaN for a class without samples",
            "ZeroDivisionError",
            "Class 2 does not occur: 0 / 0. Say NaN for it.",
        ) from None
    came = expect_shape(
        came,
        (4,),
        {
            (): "That is one number. There should be one for each class.",
            (3,): "There is no place for the class that does not occur.",
            (10,): "That is one for each sample. Take the mean in each class.",
            (4, 4): "That is the confusion matrix; its diagonal by its rows is asked.",
        },
        "accuracies",
    ).astype(float)
    if numpy.allclose(came, wanted, equal_nan=True):
        again = as_array(call(answer, numpy.array([1, 0]), numpy.array([1, 1]), 2))
        if again.shape == (2,) and numpy.allclose(
            again.astype(float), [numpy.nan, 0.5], equal_nan=True
        ):
            return
        raise Wrong("the same for other labels", "other numbers", "Is something fixed?")
    mistakes = (
        ([0.75, 0.5, 0.0, 0.25], "Without samples there is no accuracy: NaN, not 0."),
        ([0.75, 0.5, 1.0, 0.25], "Without samples there is no accuracy: NaN, not 1."),
        (
            [3 / 7, 0.5, numpy.nan, 1.0],
            "That divides by how often a class was "
            "predicted (precision). Divide by how often it occurs.",
        ),
        ([3, 1, 0, 1], "These are hits. Divide by the samples of the class."),
        (
            [0.3, 0.1, 0.0, 0.1],
            "That divides by all samples. Divide by those of the class.",
        ),
        ([0.25, 0.5, numpy.nan, 0.75], "These are the errors: 1 minus the accuracy."),
        ([0.5] * 4, "That is the accuracy over all samples, four times."),
        ([75, 50, numpy.nan, 25], "A share from 0 to 1 is asked, not percent."),
    )
    mistake = likely_mistake(came, mistakes, rtol=1e-5, atol=1e-8)
    raise Wrong(
        "hits of each class by its samples", f"{came.round(2).tolist()}", mistake
    )


def _check_parts(train_rows, test_rows, count: int) -> None:
    both = sorted(train_rows.tolist() + test_rows.tolist())
    if len(set(both)) < len(both):
        raise Wrong(
            "each row once",
            "a row that occurs twice",
            "A row stands in both parts, or twice in one.",
        )
    if both and (both[0] < 0 or both[-1] >= count):
        raise Wrong(
            f"rows from 0 to {count - 1}",
            f"{both[0]} … {both[-1]}",
            "These are no rows of the images.",
        )
    if len(both) < count:
        raise Wrong(
            f"all {count} rows", f"{len(both)}", "Some rows are in neither part."
        )


@exercise(
    "Give each different image a number first: `numpy.unique(..., axis=0, "
    "return_inverse=True)`, or a dict with `image.tobytes()` as key.",
    "Shuffle these numbers, not the rows, and choose test images by number.",
    remember="Split what is different, not what is stored: copies stay together.",
)
def honest_split(answer):
    """A split into training and test rows without equal images on both sides."""
    rng = numpy.random.default_rng(3)
    different = rng.integers(0, 255, (60, 4, 4), dtype=numpy.uint8)
    copies = rng.permutation(numpy.repeat(numpy.arange(60), 3))
    images, labels = different[copies], (copies % 5).astype(numpy.int32)

    def split(seed, test_part=0.25):
        parts = call(answer, images, labels, test_part, seed)
        if not isinstance(parts, (tuple, list)) or len(parts) != 2:
            raise Wrong(
                "two parts: (train_rows, test_rows)",
                type(parts).__name__,
                "Return the rows of both parts.",
            )
        train, test = (as_array(part, "rows") for part in parts)
        for part in (train, test):
            if part.dtype.kind == "b":
                raise Wrong(
                    "rows as numbers",
                    "a mask of True and False",
                    "numpy.flatnonzero makes rows of a mask.",
                )
            if part.ndim != 1 or part.dtype.kind not in "iu":
                raise Wrong(
                    "rows: whole numbers (n,)",
                    f"{part.dtype} {part.shape}",
                    "Return positions, not the images themselves.",
                )
        _check_parts(train, test, len(images))
        return train, test

    train, test = split(0)
    if not len(test) or not len(train):
        raise Wrong("something in both parts", "an empty part", "One part is empty.")
    in_both = set(copies[train]) & set(copies[test])
    if in_both:
        raise Wrong(
            "equal images on one side",
            f"{len(in_both)} images on both sides",
            "That shuffles rows, so copies are torn apart."
            if len(in_both) > 10
            else "Some copies are torn apart.",
        )
    share = len(test) / len(images)
    if not 0.2 <= share <= 0.3:
        raise Wrong(
            "about a quarter in test, as test_part says",
            f"{share:.0%}",
            "Train and test are exchanged."
            if 0.7 <= share <= 0.8
            else "test_part is not what decides.",
        )
    halves = split(0, 0.5)
    if not 0.4 <= len(halves[1]) / len(images) <= 0.6:
        raise Wrong(
            "a half in test for test_part=0.5",
            f"{len(halves[1]) / len(images):.0%}",
            "The share of the test part is fixed.",
        )
    if set(split(0)[1]) != set(test):
        raise Wrong(
            "the same split for the same seed",
            "another",
            "Take the randomness from a generator with the seed.",
        )
    if set(split(1)[1]) == set(test):
        raise Wrong(
            "another split for another seed", "the same", "The seed does nothing."
        )


@exercise(
    "Both nets see every drawing once. What do they do four times as often, or a "
    "quarter as often?",
    "After each batch the weights move once: 107 times, or 427 times.",
    remember="In a short training what counts is the number of steps, not of images.",
)
def four_times_the_steps(answer, measured=None):
    """Better, worse or the same: one pass in batches of 32 against one of 128."""
    came = as_text(answer, ("better", "worse", "the same"))
    of_128, of_32 = measured_accuracies(measured, 2)
    found = "the same"
    if abs(of_32 - of_128) > 0.02:
        found = "better" if of_32 > of_128 else "worse"
    if came != found:
        raise Wrong(
            "the prediction that the training bears out",
            f"{came!r}, and measured {of_32:.1%} against {of_128:.1%}",
            "Predictions may fail. What did you not think of?",
        )


@exercise(
    "Give a dict with 'before' and 'after', each the accuracies of five seeds.",
    "Compare ranges: the lowest after must be above the highest before.",
    remember="An improvement is one when it is larger than the spread of the seeds.",
)
def better_on_the_held_out_font(answer):
    """Evidence for an improvement: five seeds before, five after, ranges apart."""
    if not isinstance(answer, dict) or set(answer) != {"before", "after"}:
        raise Wrong(
            "a dict with 'before' and 'after'",
            type(answer).__name__,
            "{'before': [five accuracies], 'after': [five accuracies]}",
        )
    before, after = (
        accuracies_of_seeds(answer[name], f"'{name}'") for name in ("before", "after")
    )
    if after.min() <= before.max():
        raise Wrong(
            "ranges that don't overlap",
            f"before up to {before.max():.1%}, after from {after.min():.1%}",
            f"The medians differ by {median(after) - median(before):.1%}; with ranges "
            "that overlap, chance alone might do that.",
        )
