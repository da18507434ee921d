"""Answers to the exercises of chapter 04."""

SEALED = {
    "widest_view": 171,
    "faults": {"A": 6, "B": 3, "C": 3},
}

RIGHT = {}

WRONG = {}
