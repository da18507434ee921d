"""Where outcomes are kept, and how one run is told from another in their names."""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import sys
from functools import partial
from pathlib import Path
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType

import numpy
from platformdirs import user_cache_path

__all__ = ["cache_folder", "description", "files_used"]


def description(value) -> str:
    """Describe a value in words that others don't share, alike in every process.

    A function is told by what it does: its code, its defaults and the values closed
    over; a partial by its function and arguments; an object without words of its own by
    its class and attributes. What the code looks up in its module when it runs is told
    by name alone. What refers back to itself, as functions that call each other, is
    told by its place on the way there. Addresses in memory are left out.

    Parameters
    ----------
    value
        A function, numbers, text, arrays, or lists and dictionaries of them.

    Returns
    -------
    str
    """
    return _description(value, ())


def _description(value, above: tuple) -> str:
    """`above` are the values in which this one was met, the outermost first."""
    for depth, one in enumerate(above):
        if one is value:
            return f"the value at depth {depth}"
    parts = _parts(value)
    if parts is None:
        return _ADDRESS.sub("", repr(value))
    inside = [_description(part, (*above, value)) for part in parts]
    if isinstance(value, (dict, set, frozenset)):
        inside.sort()
    return f"{type(value).__name__}({', '.join(inside)})"


# As in "<Scale object at 0x7f…>", and in "Generator(PCG64) at 0x7F…".
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def _parts(value) -> list | None:
    """What a value is made of; None where its words tell all."""
    if isinstance(value, numpy.ndarray):
        bits = hashlib.sha256(numpy.ascontiguousarray(value)).hexdigest()
        return [value.dtype.str, value.shape, bits]
    for kinds, parts_of in _KINDS:
        if isinstance(value, kinds):
            return parts_of(value)
    speechless = type(value).__repr__ is object.__repr__
    if speechless and hasattr(value, "__dict__"):
        call = type(value).__call__ if callable(value) else None
        return [type(value).__qualname__, call, vars(value)]
    return None


def _parts_of_function(function: FunctionType) -> list:
    closed = []
    for cell in function.__closure__ or ():
        try:
            closed.append(cell.cell_contents)
        except ValueError:  # not bound yet
            closed.append("nothing")
    return [function.__code__, function.__defaults__, function.__kwdefaults__, closed]


_KINDS = (
    (FunctionType, _parts_of_function),
    (CodeType, lambda code: [code.co_code, code.co_names, code.co_consts]),
    (partial, lambda value: [value.func, value.args, value.keywords]),
    (MethodType, lambda value: [value.__func__, value.__self__]),
    (BuiltinMethodType, lambda value: [
        value.__name__, None if inspect.ismodule(value.__self__) else value.__self__
    ]),
    (numpy.random.Generator, lambda value: [value.bit_generator.state]),
    (numpy.random.RandomState, lambda value: list(value.get_state())),
    (dict, lambda value: list(value.items())),
    ((set, frozenset, list, tuple), list),
)  # fmt: skip


def files_used(names, without=(), package: str = "d2l_nin") -> list[Path]:
    """The files of modules, and of the package's modules that those use, by and by.

    What a module uses is what its names refer to: modules, functions and classes. What
    is imported only inside of a function, such as the drawing of a curve, is not.

    Parameters
    ----------
    names : iterable of str
        Of modules; those outside the package are left out.
    without : container of str
        Modules that are left out, with what only they use.
    package : str

    Returns
    -------
    list of Path
        Each once, in order.
    """
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in seen or name in without or module is None:
            continue
        if not name.startswith(f"{package}."):
            continue
        seen.add(name)
        for value in list(vars(module).values()):
            if isinstance(value, ModuleType):
                waiting.append(value.__name__)
            elif isinstance(value, (FunctionType, type)):
                waiting.append(value.__module__)
    return sorted(Path(sys.modules[name].__file__) for name in seen)


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
