"""Floor 3: instant feedback for the exercises, one module a chapter.

In a notebook: `from d2l_nin import checks as check`, then `check.ch02.padding(answer)`.
"""

from d2l_nin.checks import ch01, ch02, ch03, ch04, ch05, ch06
from d2l_nin.exercise import Exercise

__all__ = ["ch01", "ch02", "ch03", "ch04", "ch05", "ch06", "exercises_of"]


def exercises_of(chapter: str) -> dict[str, Exercise]:
    """The exercises of a chapter ("02") by name, in the order they are defined in."""
    module = {"01": ch01, "02": ch02, "03": ch03, "04": ch04, "05": ch05, "06": ch06}
    return {
        name: value
        for name, value in vars(module[chapter]).items()
        if isinstance(value, Exercise)
    }
