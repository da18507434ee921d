"""The table of grades and a page for each student."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import zipfile
from pathlib import Path

from jinja2 import Environment

from d2l_nin.grading.found import MISSING, ORDER, RIGHT

__all__ = [
    "best",
    "chapters_of",
    "report_name",
    "write_report",
    "write_rows",
    "write_table",
    "zip_reports",
]

UNREADABLE = "unreadable"
_TEMPLATE = Path(__file__).parent.parent / "templates" / "grade" / "report.html.j2"


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = " ".join(text.split())
    return f"'{text}" if text[:1] in tuple("=+-@") else text


def chapters_of(checks) -> list[str]:
    """The chapters that a package of checks has modules for: "01", …"""
    return sorted(n[2:] for n in vars(checks) if re.fullmatch(r"ch\d\d", n))


def best(entries: list[dict]) -> dict[str, str]:
    """The status of each exercise; the best, if it was handed in twice."""
    found = {}
    for entry in entries:
        for name, state in entry["states"].items():
            statuses = [found.get(name, MISSING), state["status"]]
            found[name] = max(statuses, key=ORDER.index)
    return found


def write_table(path: Path, columns: list[str], rows, bom: bool = False) -> None:
    """Write the table; the file is either as it was, or whole.

    Parameters
    ----------
    path : Path
    columns : list of str
        The exercises.
    rows : iterable of (student, entries of the journal, points)
    bom : bool
        Begin with a byte order mark.
    """
    write_rows(path, _rows(columns, rows), bom)


def _rows(columns, rows):
    yield ["student", *columns, "total", "points", "remarks"]
    for student, entries, points in rows:
        came = best(entries)
        lost = any(e["note"] and not e["states"] and e["file"][-1] != "/"
                   for e in entries)  # fmt: skip
        lack = UNREADABLE if lost else MISSING
        statuses = [came.get(name, lack) for name in columns]
        remarks = "; ".join(
            f"{entry['file']}: {entry['note']}" for entry in entries if entry["note"]
        )
        yield [student, *statuses, statuses.count(RIGHT), f"{points:g}", remarks]


def write_rows(path: Path, rows, bom: bool = False) -> None:
    """Write a table that no spreadsheet takes for formulas; whole, or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    encoding = "utf-8-sig" if bom else "utf-8"
    with partial.open("w", encoding=encoding, errors="replace", newline="") as file:
        table = csv.writer(file)
        for row in rows:
            table.writerow([_safe(c) if isinstance(c, str) else c for c in row])
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def zip_reports(folder: Path) -> Path:
    """All pages of a folder of reports in one zip beside it."""
    target = folder.with_suffix(".zip")
    partial = target.with_name(f".{target.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
        for page in sorted(folder.glob("*.html")):
            file.write(page, page.name)
    partial.replace(target)
    return target


def report_name(student: str) -> str:
    """The file of a student's report; no two students share one."""
    plain = re.sub(r"[^\w -]", "_", student)[:80]
    if plain != student:
        plain += "_" + hashlib.sha256(student.encode()).hexdigest()[:8]
    return f"{plain}.html"


def write_report(folder: Path, student: str, entries, columns) -> None:
    """One HTML page for a student, which holds no script and loads nothing."""
    came = best(entries)
    page = Environment(autoescape=True).from_string(
        _TEMPLATE.read_text(encoding="utf-8")
    )
    text = page.render(
        student=student, files=entries, num_exercises=len(columns),
        num_right=[came.get(name) for name in columns].count(RIGHT),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    # As bytes, for where the system's encoding lacks the name's letters.
    target = folder / os.fsdecode(report_name(student).encode())
    partial = target.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(target)
