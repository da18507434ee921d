"""Instant feedback for the exercises, one module a chapter, found by its name.

In a notebook: `from d2l_nin import checks as check`, then
`check.ch02.output_size(answer)`.
"""

import importlib
import pkgutil
import re

from d2l_nin.checks.exercise import Exercise, exercises_in

_MODULES = {
    name[2:]: importlib.import_module(f"{__name__}.{name}")
    for _, name, _ in pkgutil.iter_modules(__path__)
    if re.fullmatch(r"ch\d\d", name)
}
_EXERCISES = {chapter: exercises_in(module) for chapter, module in _MODULES.items()}

__all__ = ["exercises_of", *(f"ch{chapter}" for chapter in _MODULES)]


def exercises_of(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter ("02") by name, in the order they are defined in."""
    return dict(_EXERCISES[chapter])
