"""Floor 0: where outcomes are kept, and how values are told apart in their names."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType

import numpy
from platformdirs import user_cache_path

__all__ = ["cache_folder", "description"]


def description(value) -> str:
    """Describe a value in words that others don't share, alike in every process.

    A function is told by what it does: its code, its defaults and the values closed
    over; a partial by its function and arguments. What the code looks up in its module
    when it runs is told by name alone.

    Parameters
    ----------
    value
        A function, numbers, text, arrays, or lists and dictionaries of them.

    Returns
    -------
    str
    """
    if isinstance(value, FunctionType):
        closed = [cell.cell_contents for cell in value.__closure__ or ()]
        closed = [one for one in closed if one is not value]  # it calls itself
        parts = [value.__code__, value.__defaults__, value.__kwdefaults__, closed]
    elif isinstance(value, CodeType):
        parts = [value.co_code, value.co_names, value.co_consts]
    elif isinstance(value, partial):
        parts = [value.func, value.args, value.keywords]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, numpy.ndarray):
        bits = hashlib.sha256(numpy.ascontiguousarray(value)).hexdigest()
        parts = [value.dtype.str, value.shape, bits]
    elif isinstance(value, dict):
        parts = sorted(value.items(), key=repr)
    elif isinstance(value, (set, frozenset)):
        parts = sorted(value, key=repr)
    elif isinstance(value, (list, tuple)):
        parts = value
    elif callable(value) and type(value).__repr__ is object.__repr__:
        parts = [type(value).__qualname__, type(value).__call__, vars(value)]
    else:
        return repr(value)
    return f"{type(value).__name__}({', '.join(map(description, parts))})"


def cache_folder() -> Path:
    """Where outcomes and drawings are: $D2L_NIN_CACHE, or build/cache in the clone.

    Outside a clone it is the user's cache folder.
    """
    if os.environ.get("D2L_NIN_CACHE"):
        return Path(os.environ["D2L_NIN_CACHE"])
    root = Path(__file__).parent.parent
    if (root / "pyproject.toml").exists():
        return root / "build" / "cache"
    return user_cache_path("d2l_nin")
