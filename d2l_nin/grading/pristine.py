"""What modules were like before foreign code ran, to put it back."""

from __future__ import annotations

import builtins
import sys
import types

__all__ = ["Pristine"]

# What checks stand on. Other modules keep state that belongs to them.
_WATCHED = (
    "builtins", "collections", "contextlib", "dataclasses", "functools", "html",
    "inspect", "itertools", "linecache", "math", "mxnet", "numpy", "operator", "os",
    "pathlib", "random", "re", "scipy", "signal", "statistics", "threading", "time",
    "traceback",
)  # fmt: skip
_CONSTANT_TOO = ("builtins", "math", "d2l_nin")
_MISSING = object()


def _below(name: str, packages) -> bool:
    return any(name == each or name.startswith(each + ".") for each in packages)


def _is_code(value) -> bool:
    return callable(value) or isinstance(
        value, (types.ModuleType, property, staticmethod, classmethod)
    )


_BUILTINS = frozenset(vars(builtins))


class _Space:
    """One namespace: a module's, a class's or an exercise's."""

    def __init__(self, owner, name: str, whole: bool):
        self.owner, self.name, self.keys = owner, name, set(vars(owner))
        self.before = {
            key: value
            for key, value in vars(owner).items()
            if (whole or _is_code(value)) and key not in ("__dict__", "__weakref__")
        }

    def changes(self) -> list[tuple]:
        """Names that are other than before, with what they were."""
        now = vars(self.owner)
        found = [
            (key, value)
            for key, value in self.before.items()
            if now.get(key, _MISSING) is not value
        ]
        new = now.keys() - self.keys
        return found + [(key, _MISSING) for key in new if self._harms(key, now[key])]

    def _harms(self, key: str, value) -> bool:
        """A new global can hide a builtin; a new method an inherited one."""
        if isinstance(self.owner, type):
            return _is_code(value)
        return self.name != "builtins" and key in _BUILTINS and key[:2] != "__"

    def put_back(self) -> None:
        for key, value in self.changes():
            if value is _MISSING:
                delattr(self.owner, key)
            else:
                setattr(self.owner, key, value)


class Pristine:
    """What the watched modules are like now: their names, classes and functions.

    Parameters
    ----------
    extra : modules
        To be watched as well, whole; they need not be in `sys.modules`.
    """

    def __init__(self, extra=()):
        self._modules = {
            name: module
            for name, module in sys.modules.items()
            if isinstance(module, types.ModuleType)
            and _below(name, (*_WATCHED, "d2l_nin"))
        }
        self._recursion = sys.getrecursionlimit()
        self._spaces, self._functions, self._containers = [], {}, []
        seen = set()
        for name, module in [*self._modules.items(), *((m.__name__, m) for m in extra)]:
            ours = _below(name, ("d2l_nin",)) or module in extra
            self._add(module, name, ours or name in _CONSTANT_TOO, seen)
            for key, value in list(vars(module).items()):
                if isinstance(value, type) or type(value).__name__ == "Exercise":
                    self._add_object(value, ours, seen)
                if isinstance(value, types.FunctionType):
                    self._add_function(value)
                # "__builtins__" is a dict, too: not one to be emptied.
                if ours and type(value) in (dict, list, set) and key[:2] != "__":
                    self._containers.append((value, value.copy()))

    def _add(self, owner, name: str, whole: bool, seen: set) -> None:
        if id(owner) not in seen:
            seen.add(id(owner))
            self._spaces.append(_Space(owner, name, whole))

    def _add_object(self, value, ours: bool, seen: set) -> None:
        changeable = not isinstance(value, type) or value.__flags__ & (1 << 9)
        if not changeable or id(value) in seen:  # bit 9: made by a class statement
            return
        self._add(value, "", ours and not isinstance(value, type), seen)
        for inner in list(vars(value).values()):
            inner = getattr(inner, "__func__", getattr(inner, "fget", inner))
            if isinstance(inner, types.FunctionType):
                self._add_function(inner)

    def _add_function(self, function) -> None:
        self._functions[function] = (
            function.__code__, function.__defaults__, function.__kwdefaults__
        )  # fmt: skip

    def changes(self) -> list[str]:
        """Names that are not what they were; empty when all is."""
        found = [
            f"{space.name}.{key}".lstrip(".")
            for space in self._spaces
            for key, _ in space.changes()
        ]
        found += [
            function.__qualname__
            for function, (code, defaults, named) in self._functions.items()
            if function.__code__ is not code
            or function.__defaults__ is not defaults
            or function.__kwdefaults__ is not named
        ]
        return found + [
            name
            for name, module in self._modules.items()
            if sys.modules.get(name) is not module
        ]

    def put_back(self) -> None:
        """Make everything what it was."""
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self._recursion)
        sys.modules.update(self._modules)
        for space in self._spaces:
            space.put_back()
        for function, (code, defaults, named) in self._functions.items():
            if function.__code__ is not code:
                function.__code__ = code
            function.__defaults__, function.__kwdefaults__ = defaults, named
        for container, before in self._containers:
            container.clear()
            add = container.extend if isinstance(container, list) else container.update
            add(before)
