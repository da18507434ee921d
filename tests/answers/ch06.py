"""Answers to the exercises of chapter 06."""

import math

SEALED = {
    "blind_loss": 150 * math.log(2),
    "at_fault": {"A": 4, "B": 2, "C": 5},
}
RIGHT = {}
WRONG = {}
