"""Answers to the exercises of chapter 01."""

SEALED = {
    "bottleneck_width": 25 * 192 * 32 // (192 + 25 * 32) + 1,
    "faults": {"A": 3, "B": 2, "C": 7},
}

RIGHT = {}

WRONG = {}
