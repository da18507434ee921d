"""Answers to the exercises of chapter 03."""

SEALED = {
    "diluted": 8,
    "faults": {"A": 6, "B": 5, "C": 4},
}
RIGHT, WRONG = {}, {}
