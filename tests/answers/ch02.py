"""Answers to the exercises of chapter 02."""

import numpy

SEALED = {
    "training_memory": 128 * 32 * 32 * (3 + 192 + 160 + 96) * 4 / 2**20,
    "faults": {"A": 7, "B": 5, "C": 7},
}

# --- rescue -----------------------------------------------------------------------

FROZEN = [0.1, 0.1, 0.172, 0.1, 0.15]
SAVED = [0.61, 0.72, 0.28, 0.55, 0.3]


def evidence(before=FROZEN, after=SAVED, alive=4, **more):
    return {"before": before, "after": after, "alive": alive, **more}


RIGHT = {
    "rescue": [
        evidence(),
        evidence(after=numpy.array(SAVED), changed="lr"),
        evidence([0.1] * 6, [0.1] * 5 + [0.2], 0),
    ],
}

WRONG = {
    "rescue": [
        (evidence(FROZEN[:3], SAVED[:3], 2), "of 5 seeds or more"),
        (evidence(after=[61.0, 72.0, 28.0, 55.0, 30.0]), "Percent?"),
        (evidence(after=[0.6] * 5), "Was the seed the same"),
        (evidence(after=[*SAVED[:4], float("nan")]), "nan"),
        (evidence(SAVED, SAVED, 4), "mostly fails"),
        (evidence(after=FROZEN, alive=0), "twice"),
        (evidence(alive=5), "Count again"),
        (evidence(after=[*SAVED, 0.7]), "same seeds"),
        ({"before": FROZEN, "after": SAVED}, "'alive' as well"),
        ({"before": FROZEN}, "'after'"),
        (evidence(before=0.1), "a list of accuracies"),
        ([0.1, 0.6], "a dict"),
    ],
}
