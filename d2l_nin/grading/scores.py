"""Points for what was found, and the tables that learning platforms import.

A file of rules says what differs from one point for each right answer::

    [points]
    default = 1
    ch02.cheaper = 3

    [partial]           ; of the points, for an answer that is wrong
    ch02.claim = 0.5

    [due]
    02 = 2026-12-01 23:59

    [late]
    per day = 0.1       ; of the points, for each day that began; 1: nothing counts

    [second]
    counts = best       ; or last: of several notebooks for a chapter
"""

from __future__ import annotations

import configparser
import csv
import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from d2l_nin.grading.found import MISSING, RIGHT

__all__ = ["FORMATS", "Rules", "read_roster", "read_rules", "score", "table_for"]

# What a platform knows a student by, as its own exports call it; the first is used
# where no roster is given. Sources: Moodle's grade/import/csv/classes/load_data.php,
# Canvas' lib/gradebook_importer.rb.
_WHO = {
    "moodle": ("Username", "Email address", "ID number"),
    "canvas": ("SIS Login ID", "ID", "SIS User ID", "Student"),
}
FORMATS = ("csv", *_WHO)
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_SECTIONS = ("points", "partial", "due", "late", "second")


def chapter_of(exercise: str) -> str:
    """ "02" of "ch02.claim"."""
    return exercise[2:4]


@dataclass
class Rules:
    """What an answer is worth.

    Attributes
    ----------
    points : dict
        From an exercise, "ch02.claim", to its points; "default" is for all others.
    partial : dict
        From an exercise to the share of its points that a wrong answer gets.
    due : dict
        From a chapter, "02", to the time until which it can be handed in.
    per_day : float
        The share of the points that each day after it costs.
    last : bool
        Whether the last of a student's notebooks for a chapter counts, not the best.
    """

    points: dict = field(default_factory=dict)
    partial: dict = field(default_factory=dict)
    due: dict = field(default_factory=dict)
    per_day: float = 0.0
    last: bool = False

    def worth(self, exercise: str) -> float:
        """The points of a right answer in time."""
        return self.points.get(exercise, self.points.get("default", 1.0))

    def share(self, exercise: str, status: str) -> float:
        """The share of the points for an answer in time."""
        if status == RIGHT:
            return 1.0
        if status != "wrong":
            return 0.0
        return self.partial.get(exercise, self.partial.get("default", 0.0))

    def kept(self, chapter: str, when: datetime) -> float:
        """The share that is left for what was handed in at a time."""
        due = self.due.get(chapter)
        if due is None or when <= due:
            return 1.0
        days = math.ceil((when - due).total_seconds() / 86400)
        return max(0.0, 1.0 - self.per_day * days)


def read_rules(path: Path, exercises: Iterable[str]) -> Rules:
    """Read a file of rules.

    Raises
    ------
    ValueError
        It can't be read, or names a section, an exercise or a chapter that is not
        there; says which, and what was expected.
    """
    parser = configparser.ConfigParser(inline_comment_prefixes=(";", "#"))
    try:
        parser.read_string(path.read_text(encoding="utf-8"), path.name)
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    known = set(exercises)
    chapters = {chapter_of(name) for name in known}
    for section in parser.sections():
        _expect(path, section, "a section", _SECTIONS)
    found = {name: dict(parser[name]) if name in parser else {} for name in _SECTIONS}
    for section in ("points", "partial"):
        for name in found[section]:
            _expect(path, name, f"[{section}]: an exercise", known | {"default"})
    for name in found["due"]:
        _expect(path, name, "[due]: a chapter", chapters)
    for name in found["late"]:
        _expect(path, name, "[late]", {"per day"})
    counts = found["second"].pop("counts", "best")
    _expect(path, counts, "[second]: counts =", {"best", "last"})
    for name in found["second"]:
        _expect(path, name, "[second]", {"counts"})
    return Rules(
        {n: _number(path, n, v) for n, v in found["points"].items()},
        {n: _number(path, n, v, 1.0) for n, v in found["partial"].items()},
        {n: _time(path, n, v) for n, v in found["due"].items()},
        _number(path, "per day", found["late"].get("per day", "0"), 1.0),
        counts == "last",
    )


def _expect(path, name: str, what: str, known) -> None:
    if name not in known:
        raise ValueError(
            f"{path}: {what}: expected one of {', '.join(sorted(known))}, got {name!r}"
        )


def _number(path, name: str, text: str, most: float = math.inf) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most or math.isinf(value):
        upto = "" if math.isinf(most) else f", at most {most:g}"
        raise ValueError(
            f"{path}: {name}: expected a number from 0{upto}, got {text!r}"
        )
    return value


def _time(path, name: str, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise ValueError(
            f"{path}: {name}: expected a date and a time such as 2026-12-01 23:59, "
            f"got {text!r}"
        ) from None


def score(
    entries: list[dict], handed_in: Callable[[str], datetime], rules: Rules
) -> dict[str, float]:
    """A student's points for each exercise that was handed in.

    Parameters
    ----------
    entries : list of dict
        Of the journal, one for each file.
    handed_in : function
        From a file's name to when it was handed in.
    rules : Rules
    """
    when = {entry["file"]: handed_in(entry["file"]) for entry in entries}
    points = {}
    for entry in sorted(entries, key=lambda e: when[e["file"]]):
        for name, state in entry["states"].items():
            if state["status"] == MISSING:
                continue
            share = rules.share(name, state["status"])
            kept = rules.kept(chapter_of(name), when[entry["file"]])
            came = rules.worth(name) * share * kept
            points[name] = came if rules.last else max(came, points.get(name, 0.0))
    return points


def read_roster(path: Path, platform: str) -> dict[str, dict]:
    """The students of a table that a platform exported, by each of their names.

    Raises
    ------
    ValueError
        None of the columns that the platform knows students by is there.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = [c for c in _WHO[platform] if rows and c in rows[0]]
    if not columns:
        raise ValueError(
            f"{path}: expected a table with one of the columns "
            f"{', '.join(_WHO[platform])}, as {platform.title()} exports it"
        )
    known = {}
    for row in rows:
        if "Points Possible" in (row.get("Student") or ""):
            continue
        for column in columns:
            name = (row[column] or "").strip()
            if name:
                known[name.casefold()] = row
                known.setdefault(name.split("@")[0].casefold(), row)
    return known


def table_for(
    platform: str, points: dict[str, dict], worth: dict[str, float], roster: dict
) -> tuple[list[list], list[str]]:
    """The rows that a platform imports, a column for each chapter.

    Parameters
    ----------
    platform : str
        "moodle" or "canvas".
    points : dict
        From a student to the points for each exercise.
    worth : dict
        From each exercise to the most that it can give.
    roster : dict
        What `read_roster` gives; empty to take a student's name as it is.

    Returns
    -------
    rows : list of lists
    strangers : list of str
        Students that the roster does not have; they are left out.
    """
    chapters = sorted({chapter_of(name) for name in worth})
    most = [sum(w for n, w in worth.items() if chapter_of(n) == c) for c in chapters]
    head = _CANVAS if platform == "canvas" else _WHO["moodle"]
    if roster:
        there = next(iter(roster.values()))
        head = [column for column in head if column in there]
    elif platform == "moodle":
        head = head[:1]
    rows = [[*head, *(f"Exercises {chapter}" for chapter in chapters)]]
    if platform == "canvas":
        rows.append(["Points Possible", *[""] * (len(head) - 1), *map(_shown, most)])
    strangers = []
    for student, came in points.items():
        row = roster.get(student.casefold()) if roster else {head[0]: student}
        if row is None:
            strangers.append(student)
            continue
        if platform == "canvas" and not roster:
            row["SIS Login ID"] = student
        by_chapter = [
            [p for n, p in came.items() if chapter_of(n) == c] for c in chapters
        ]
        who = [row.get(column) or "" for column in head]
        rows.append(who + [_shown(sum(got)) if got else "" for got in by_chapter])
    return rows, strangers


def _shown(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
