"""Instant feedback for the exercises, one module a chapter, found by its name.

Where ch04 is full, ch04_more goes on; its exercises are ch04's as well.
In a notebook: `from d2l_nin import checks as check`, then
`check.ch02.output_size(answer)`.
"""

import importlib
import pkgutil
import re

from d2l_nin.checks.exercise import Exercise, exercises_in

_EXERCISES: dict = {}
for _, _name, _ in pkgutil.iter_modules(__path__):  # sorted: ch04_more follows ch04
    if re.fullmatch(r"ch\d\d(_\w+)?", _name):
        _found = exercises_in(importlib.import_module(f"{__name__}.{_name}"))
        _EXERCISES.setdefault(_name[2:4], {}).update(_found)
        vars(globals()[_name[:4]]).update(_found)

__all__ = ["exercises_of", *(f"ch{chapter}" for chapter in _EXERCISES)]


def exercises_of(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter ("02") by name, in the order they are defined in."""
    return dict(_EXERCISES.get(chapter, {}))  # a chapter may have none
