"""What stands in a notebook file: its code cells, and where they mention a check.

Nothing that is read here decides whether an answer is right: it tells where exercises
begin, what to say of a check that was never called, and which cells can be left out.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass

__all__ = ["Contents", "NotANotebook", "definitions_of", "is_left_open",
           "read_notebook"]  # fmt: skip

_HEADING = re.compile(r"^#+ +Exercises\b", re.MULTILINE | re.IGNORECASE)
_CHECK = re.compile(r"\bch(\d\d)\s*\.\s*(\w+)")
_PERHAPS = re.compile(r"\bchecks?\b|\bch\d\d\b")
_IMPORT = re.compile(r"^ *(from|import) (?!.*\bch\d\d\b).*", re.MULTILINE)
_COMMENT = re.compile(r"#.*")
# What looking at a cell may raise: it is no Python, or too deep for `ast`.
_NOT_UNDERSTOOD = (SyntaxError, ValueError, RecursionError, MemoryError)


class NotANotebook(Exception):
    """A file can't be read as a notebook; says why."""


@dataclass(frozen=True)
class Contents:
    """A notebook's code cells.

    Attributes
    ----------
    sources : list of str
    exercises : range
        The code cells below the heading "Exercises", up to the next one that ranks as
        high: what may be read beyond it has no exercise.
    mib : float
        The memory that the notebook's metadata grant it; 0 if they don't say. Their
        seconds are those of a machine that does nothing else, and stop nobody.
    chapter : str
        "02", from the metadata; empty if they don't say.
    """

    sources: list[str]
    exercises: range
    mib: float = 0
    chapter: str = ""

    def mentions(self) -> dict[str, list[int]]:
        """The names of checks that cells mention, "ch02.output_size", and the cells."""
        found = {}
        for i, source in enumerate(self.sources):
            for chapter, name in _CHECK.findall(_COMMENT.sub("", source)):
                found.setdefault(f"ch{chapter}.{name}", []).append(i)
        return found

    def may_call(self) -> list[int]:
        """Cells that might call a check, under whatever name."""
        plain = [_IMPORT.sub("", _COMMENT.sub("", source)) for source in self.sources]
        return [i for i, source in enumerate(plain) if _PERHAPS.search(source)]


def read_notebook(raw: bytes) -> Contents:
    """The code cells of a notebook of format 3 or 4.

    Raises
    ------
    NotANotebook
    """
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotANotebook(f"not a notebook: {error}") from None
    try:
        metadata = content.get("metadata", {})
        if "worksheets" in content:
            content = content["worksheets"][0]
        sources, heading, marked, end, rank = [], None, None, None, 0
        for cell in content["cells"]:
            text = "".join(cell["input"] if "input" in cell else cell["source"])
            if cell["cell_type"] == "code":
                tags = (cell.get("metadata") or {}).get("tags") or []
                if marked is None and ("exercise" in tags or _CHECK.search(text)):
                    marked = len(sources)
                sources.append(text)
            elif heading is None and (found := _HEADING.search(text)):
                heading, rank = len(sources), _rank(found.group())
            elif heading is not None and end is None and 0 < _rank(text) <= rank:
                end = len(sources)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise NotANotebook("not a notebook: it has no list of cells") from None
    firsts = [i for i in (heading, marked, len(sources)) if i is not None]
    exercises = range(firsts[0], len(sources) if end is None else end)
    return Contents(sources, exercises, *_ours(metadata))


def _rank(text: str) -> int:
    """How many # a text's first line begins with."""
    return len(re.match("#*", text).group())


def _ours(metadata) -> tuple[float, str]:
    """(MiB, the chapter) of a notebook's metadata, as far as they make sense."""
    ours = metadata.get("d2l_nin") if isinstance(metadata, dict) else None
    ours = ours if isinstance(ours, dict) else {}
    limits = ours.get("limits")
    mib = limits.get("mib") if isinstance(limits, dict) else None
    mib = mib if type(mib) in (int, float) and 0 < mib < 1e9 else 0
    chapter = re.match(r"\d\d(?!\d)", str(ours.get("chapter", "")))
    return mib, chapter.group() if chapter else ""


def _parse(source: str, transform) -> ast.Module | None:
    try:
        return ast.parse(transform(source))
    except _NOT_UNDERSTOOD:
        return None


def definitions_of(source: str, transform) -> list[str]:
    """What a cell imports and defines at its left margin, statement by statement.

    An answer may use it, and it takes no time to run.

    Parameters
    ----------
    source : str
    transform : function
        Makes plain Python of a cell with magics.
    """
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    tree = _parse(source, transform)
    return [ast.unparse(s) for s in tree.body if isinstance(s, kinds)] if tree else []


def _is_open(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (..., None)


def is_left_open(source: str, transform) -> bool:
    """Whether a cell says `answer = ...`, and its checks get that and nothing else."""
    tree = _parse(source, transform)
    if tree is None:
        return False
    nodes = list(ast.walk(tree))
    calls = [n for n in nodes if isinstance(n, ast.Call)]
    calls = [c for c in calls if _CHECK.search(ast.unparse(c.func))]
    firsts = [c.args[0] if c.args else ast.Constant(...) for c in calls]
    names = {a.id for a in firsts if isinstance(a, ast.Name)}
    if not firsts or not all(isinstance(a, ast.Name) or _is_open(a) for a in firsts):
        return False
    for name in names:
        stores = [n for n in nodes if isinstance(n, ast.Name) and n.id == name
                  and not isinstance(n.ctx, ast.Load)]  # fmt: skip
        dots = [
            s for s in tree.body
            if isinstance(s, ast.Assign) and [getattr(t, "id", "") for t in s.targets]
            == [name] and _is_open(s.value)
        ]  # fmt: skip
        if not len(stores) == len(dots) == 1:
            return False
        if any(name in (getattr(n, "name", ""), getattr(n, "asname", ""))
               for n in nodes):  # fmt: skip
            return False
    return True
