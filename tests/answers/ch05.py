"""Answers to the exercises of chapter 05: those that the checks seal."""

from math import comb

SEALED = {
    "paths": comb(11, 3),
    "faults": {"A": 8, "B": 5, "C": 4},
}

RIGHT, WRONG = {}, {}
