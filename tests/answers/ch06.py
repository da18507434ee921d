"""Answers to the exercises of chapter 06."""

import math

import numpy
from mxnet import np, npx

from tests.answers import Measured

# --- one_hot ---------------------------------------------------------------------


def checked(labels, num_classes):
    labels = numpy.asarray(labels)
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"labels: expected 0 … {num_classes - 1}, got {labels}")
    return labels


def by_comparison(labels, num_classes):
    checked(labels, num_classes)
    return (labels.reshape(-1, 1) == numpy.arange(num_classes)).astype("float32")


def by_loop(labels, num_classes):
    rows = []
    for label in labels:
        row = [0.0] * num_classes
        if not 0 <= int(label) < num_classes:
            raise ValueError("no such class")
        row[int(label)] = 1.0
        rows.append(row)
    return rows


def by_index(labels, num_classes):
    rows = numpy.zeros((len(labels), num_classes))
    labels = checked(labels, num_classes)
    rows[numpy.arange(len(labels)), labels] = 1
    return np.array(rows)


def unchecked(labels, num_classes):
    return numpy.eye(num_classes)[numpy.asarray(labels)]


def own_error(labels, num_classes):
    assert labels.max() < num_classes
    return unchecked(labels, num_classes)


def above_only(labels, num_classes):
    if labels.max() >= num_classes:
        raise ValueError("too large")
    return unchecked(labels, num_classes)


# --- accuracy_by_class -----------------------------------------------------------


def by_bincount(predicted, labels, num_classes):
    with numpy.errstate(invalid="ignore"):
        return hits(predicted, labels, num_classes) / numpy.bincount(
            labels, minlength=num_classes
        )


def by_mean(predicted, labels, num_classes):
    means = []
    for k in range(num_classes):
        rows = labels == k
        means.append((predicted[rows] == k).mean() if rows.any() else math.nan)
    return means


def by_matrix(predicted, labels, num_classes):
    counts = numpy.zeros((num_classes, num_classes))
    for i, j in zip(labels, predicted):
        counts[i, j] += 1
    total = counts.sum(axis=1)
    return np.array(
        numpy.where(total > 0, counts.diagonal() / total.clip(1), numpy.nan)
    )


def without_the_missing(predicted, labels, num_classes):
    return [(predicted[labels == k] == k).mean() for k in numpy.unique(labels)]


def divided_in_python(predicted, labels, num_classes):
    return [
        sum(int(p == k) for p, y in zip(predicted, labels) if y == k)
        / sum(int(y == k) for y in labels)
        for k in range(num_classes)
    ]


def precision(predicted, labels, num_classes):
    return [
        (labels[predicted == k] == k).mean() if (predicted == k).any() else math.nan
        for k in range(num_classes)
    ]


# --- honest_split ----------------------------------------------------------------


def by_bytes(images, labels, test_part, seed):
    groups = {}
    for row, image in enumerate(images):
        groups.setdefault(image.tobytes(), []).append(row)
    groups = list(groups.values())
    order = numpy.random.default_rng(seed).permutation(len(groups))
    cut = round(test_part * len(groups))
    test = [row for k in order[:cut] for row in groups[k]]
    train = [row for k in order[cut:] for row in groups[k]]
    return train, test


def by_unique(images, labels, test_part, seed):
    flat = images.reshape(len(images), -1)
    _, number = numpy.unique(flat, axis=0, return_inverse=True)
    numbers = numpy.random.RandomState(seed).permutation(number.max() + 1)
    in_test = numpy.isin(number, numbers[: int(test_part * len(numbers))])
    return numpy.flatnonzero(~in_test), numpy.flatnonzero(in_test)


def by_hash(images, labels, test_part, seed):
    """Each image decides for itself: no list, no shuffle."""
    import hashlib

    def share(image):
        digest = hashlib.sha256(f"{seed}".encode() + image.tobytes()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32

    # The order of the shares, so that the part is exact.
    shares = numpy.array([share(image) for image in images])
    limit = numpy.sort(numpy.unique(shares))[int(test_part * len(set(shares)))]
    rows = numpy.arange(len(images))
    return np.array(rows[shares >= limit], dtype="int64"), rows[shares < limit]


def torn(images, labels, test_part, seed):
    rows = numpy.random.default_rng(seed).permutation(len(images))
    cut = int(test_part * len(rows))
    return rows[cut:], rows[:cut]


def exchanged(*arguments):
    train, test = by_bytes(*arguments)
    return test, train


def no_seed(images, labels, test_part, seed):
    return by_bytes(images, labels, test_part, numpy.random.randint(10**9))


def fixed_seed(images, labels, test_part, seed):
    return by_bytes(images, labels, test_part, 0)


def fixed_part(images, labels, test_part, seed):
    return by_bytes(images, labels, 0.25, seed)


def only_kept_ones(images, labels, test_part, seed):
    """Drops the copies."""
    train, test = by_bytes(images, labels, test_part, seed)
    seen, kept = set(), []
    for row in train:
        if images[row].tobytes() not in seen:
            seen.add(images[row].tobytes())
            kept.append(row)
    return kept, test


def masks(*arguments):
    train, _ = by_bytes(*arguments)
    mask = numpy.zeros(180, bool)
    mask[train] = True
    return mask, ~mask


def pictures(images, *rest):
    train, test = by_bytes(images, *rest)
    return images[train], images[test]


def everything_twice(images, labels, test_part, seed):
    rows = list(range(len(images)))
    return rows, by_bytes(images, labels, test_part, seed)[1]


def nothing_in_test(images, labels, test_part, seed):
    return list(range(len(images))), numpy.array([], int)


def hits(predicted, labels, num_classes):
    return numpy.bincount(labels[predicted == labels], minlength=num_classes)


BEFORE = [0.7, 0.71, 0.72, 0.7, 0.69]
RIGHT = {
    "bytes_of_one_hot": [3_382_720, np.array([3_382_720.0]), 3_382_720.0],
    "blind_loss": [1.04, 1.5 * math.log(2), np.log(np.array(8.0)) / 2],
    "one_hot": [by_comparison, by_loop, by_index],
    "accuracy_by_class": [by_bincount, by_mean, by_matrix],
    "honest_split": [by_bytes, by_unique, by_hash],
    "four_times_the_steps": [
        Measured(("better", (0.3, 0.6))),
        Measured(("Worse", (0.6, 0.3))),
        Measured(("the same", (0.91, 0.9))),
    ],
    "better_on_the_held_out_font": [
        {"before": BEFORE, "after": [0.75, 0.76, 0.74, 0.8, 0.78]},
    ],
}
WRONG = {
    "bytes_of_one_hot": [
        (13_640 * 4, "integer labels"),
        (13_640 * 62, "4 bytes"),
        (13_640 * 62 * 8, "float32 has 4"),
        ("many", "a number of bytes"),
        (1.5, "not whole"),
    ],
    "blind_loss": [
        (1.099, "three classes that are equally"),
        (4.127, "62 classes"),
        (0.693, "A alone"),
        (1.386, "B or C alone"),
        (1.5, "in bits"),
        (0.452, "base 10"),
        (-1.04, "sign"),
        (0, "mean of −log"),
    ],
    "one_hot": [
        (unchecked, "label 5 of 5"),
        (above_only, "(−1)"),
        (own_error, "raise ValueError yourself"),
        (lambda y, k: unchecked(y, k).T, "classes in columns"),
        (lambda y, k: unchecked(y, k).reshape(-1), "Reshape"),
        (lambda y, k: unchecked(y, k + 1), "num_classes − 1"),
        (lambda y, k: y, "one row of num_classes"),
        (lambda y, k: numpy.roll(unchecked(y, k), 1, axis=1), "too far right"),
        (lambda y, k: 1 - unchecked(y, k), "exchanged"),
        (lambda y, k: unchecked(y, k) * y[:, None], "label itself"),
        (lambda y, k: numpy.zeros((len(y), k)), "All are zero"),
        (lambda y, k: unchecked(y, 5), "out of bounds"),
        (lambda y, k: y.reshape(-1, 1) == numpy.unique(y), "that occurs"),
        (lambda y, k: npx.onehot(y, k), "npx.onehot"),
    ],
    "accuracy_by_class": [
        (lambda p, y, k: (p == y).mean(), "one for each class"),
        (without_the_missing, "does not occur"),
        (divided_in_python, "0 / 0"),
        (precision, "precision"),
        (lambda p, y, k: numpy.nan_to_num(by_bincount(p, y, k)), "not 0"),
        (hits, "These are hits"),
        (lambda p, y, k: hits(p, y, k) / len(y), "all samples"),
        (lambda p, y, k: 1 - by_bincount(p, y, k), "errors"),
        (lambda p, y, k: [(p == y).mean()] * k, "four times"),
        (lambda p, y, k: 100 * by_bincount(p, y, k), "percent"),
        (lambda p, y, k: p == y, "for each sample"),
        (lambda p, y, k: [0.75, 0.5, math.nan, 0.25], "same for other labels"),
    ],
    "honest_split": [
        (torn, "shuffles rows"),
        (exchanged, "exchanged"),
        (no_seed, "generator with the seed"),
        (fixed_seed, "seed does nothing"),
        (fixed_part, "share of the test part is fixed"),
        (only_kept_ones, "neither part"),
        (masks, "flatnonzero"),
        (pictures, "not the images themselves"),
        (everything_twice, "stands in both parts"),
        (nothing_in_test, "One part is empty"),
        (lambda *_: 3, "two parts"),
    ],
    "four_times_the_steps": [
        (Measured(("worse", (0.3, 0.6))), "Predictions may fail"),
        (Measured(("better", (0.9, 0.9))), "measured"),
        (Measured(("maybe", (0.9, 0.9))), "one of 'better'"),
        ("better", "Run the whole cell"),
        (Measured(("the same", (90, 91))), "Percent? Divide by 100."),
        (Measured(("the same", 0.9)), "a list of accuracies"),
        (Measured(("the same", (0.9, 0.9, 0.9))), "2 accuracies in a row"),
    ],
    "better_on_the_held_out_font": [
        ({"before": [0.7] * 5, "after": [0.8] * 5}, "seed the same"),
        ({"before": [0.7, 0.8], "after": [0.9, 0.91]}, "One seed shows nothing"),
        (
            {"before": [math.nan] * 5, "after": [math.nan] * 5},
            "'before': accuracies from 0 to 1",
        ),
        ({"before": [70, 71, 72, 73, 74], "after": [75, 76, 77, 78, 79]}, "Percent?"),
        (
            {"before": [*BEFORE, 0.8], "after": [0.75, 0.76, 0.77, 0.78, 0.79]},
            "don't overlap",
        ),
        ([0.7, 0.8], "a dict"),
    ],
}
