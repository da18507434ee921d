"""Answers to the exercises of chapter 01."""

SEALED = {
    "bottleneck_width": 9 * 192 * 128 // (192 + 9 * 128) + 1,
    "faults": {"A": 3, "B": 2, "C": 7},
}

RIGHT = {}

WRONG = {}
