"""A deck: one Markdown file that shows the cells of its chapter by their ids.

`slides/02_network_in_network.md` belongs to `notebooks/02_network_in_network.ipynb`.
Slides stand between lines of `---`, each with a title and notes::

    ## A dense layer holds 92% of AlexNet

    ::: left 40%
    **Predict:** how much of AlexNet is in its three dense layers?

    ::: right
    {{ output parameters-by-layer }}
    :::

    . . .

    Nine tenths, and the last block of NiN does without.

    Notes (3 min):
    Take guesses first. … **Ask:** …  **Expect:** …

* `{{ output ID }}` shows what the cell with that id put out, `{{ code ID }}` its code
  and `{{ cell ID }}` both; a text cell has only `{{ cell ID }}`.
* `{{ code ID def=fit }}` shows one function or class of the cell, `lines=3-9` some
  lines; `steps=1-2|4|6-8` highlights those of the lines shown, one click after another.
* `{{ output ID mark=NiN }}` colours the rows of a table that begin so;
  `nth=2` shows the second figure or table of several.
* `. . .` keeps back what follows until the next click.
* `::: left`, `::: right` and `:::` make two columns; `40%` is the left one's share.
* `Notes (3 min):` begins what the speaker sees, and ends the slide.

The first slide's title has one `#`. Before it may stand a front matter, `form: 2` for a
deck that keeps to CONTRIBUTING.md's rules for decks, which are tested. There an output
is the cell's figure or table, without what it printed beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DeckError", "Piece", "Script", "Slide", "read_deck"]

_SHOWN = re.compile(r"\{\{\s*(code|output|cell)\s+([\w-]+)((?:\s+\w+=\S+)*)\s*\}\}")
_NOTES = re.compile(r"Notes \((\d+) min\):\s*(.*)")
_COLUMN = re.compile(r":::\s*(?:(left|right)(?:\s+(\d+)%)?)?")
_OPTIONS = {
    "code": {"lines", "def", "steps"},
    "output": {"mark", "nth"},
    "cell": {"mark"},
}


class DeckError(ValueError):
    """A deck can't be shown as it stands; says in which line and why."""


@dataclass
class Piece:
    """A paragraph or a cell that stands on a slide.

    Attributes
    ----------
    line : int
        Where it stands in the deck.
    kind : str
        "text", "code", "output" or "cell".
    source : str
        Markdown, or the cell's id.
    options : dict
    column : str
        "left", "right" or, across the slide, "".
    fragment : int or None
        The click that it waits for.
    first_step : int
        The click that highlights a code's second step.
    """

    line: int
    kind: str
    source: str
    options: dict = field(default_factory=dict)
    column: str = ""
    fragment: int | None = None
    first_step: int = field(default=0, init=False)  # known once it stands there


@dataclass
class Slide:
    line: int
    title: str
    pieces: list[Piece] = field(default_factory=list)
    notes: str = ""
    minutes: int = 0
    left: int = 50  # percent of the width, where there are columns


@dataclass
class Script:
    """What a deck's file says, before it is built.

    Attributes
    ----------
    path : Path
    settings : dict
        The front matter.
    slides : list of Slide
    """

    path: Path
    settings: dict
    slides: list[Slide]

    @property
    def title(self) -> str:
        return self.slides[0].title.lstrip("# ")

    @property
    def minutes(self) -> int:
        return sum(slide.minutes for slide in self.slides)

    def error(self, line: int, message: str) -> DeckError:
        return DeckError(f"{self.path}:{line}: {message}")


def _split(lines: list[str]) -> list[tuple[int, list[str]]]:
    """The parts between lines of `---`, each with the number of its first line."""
    parts, start, fenced = [], 0, False
    for i, line in enumerate(lines):
        fenced ^= line.startswith("```")
        if line.strip() == "---" and not fenced:
            parts.append((start + 1, lines[start:i]))
            start = i + 1
    return [*parts, (start + 1, lines[start:])]


def read_deck(path: Path) -> Script:
    """What the file says.

    Raises
    ------
    DeckError
        A slide without title, contents or notes, or a line that is not understood.
    """
    parts = _split(path.read_text(encoding="utf-8").split("\n"))
    deck = Script(path, {}, [])
    if len(parts) > 2 and not any(parts[0][1]):
        for line in parts[1][1]:
            name, _, value = line.partition(":")
            deck.settings[name.strip()] = value.strip()
        parts = parts[2:]
    for start, lines in parts:
        deck.slides.append(_Reader(deck, start).read(lines))
    return deck


class _Reader:
    """Reads one slide, line by line."""

    def __init__(self, deck: Script, start: int):
        self.deck, self.line, self.slide = deck, start, Slide(start, "")
        self.column, self.fragment, self.clicks = "", None, 0
        self.text, self.text_line = [], start

    def read(self, lines: list[str]) -> Slide:
        for i, line in enumerate(lines):
            if notes := _NOTES.fullmatch(line.strip()):
                self.slide.minutes = int(notes[1])
                self.slide.notes = "\n".join([notes[2], *lines[i + 1 :]]).strip()
                break
            self._read_line(line)
            self.line += 1
        self._end_text()
        slide = self.slide
        if self.column:
            raise self.deck.error(slide.line, "the columns end nowhere: a ':::' is due")
        if not slide.title:
            raise self.deck.error(slide.line, "a slide begins with its title, '## …'")
        if not slide.pieces:
            raise self.deck.error(slide.line, f"nothing but a title: '{slide.title}'")
        if not slide.notes:
            raise self.deck.error(slide.line, "no notes: 'Notes (3 min):' and a text")
        return slide

    def _read_line(self, line: str) -> None:
        bare = line.strip()
        if not self.slide.title and bare:
            if not re.match(r"#{1,2} \S", bare):
                raise self.deck.error(self.line, f"expected '## title', got '{bare}'")
            self.slide.title, self.slide.line = bare, self.line
        elif bare.startswith(":::"):
            self._end_text()
            self._begin_column(bare)
        elif bare == ". . .":
            self._end_text()
            self.fragment, self.clicks = self.clicks, self.clicks + 1
        elif bare.startswith("{{"):
            self._end_text()
            self._show_cell(bare)
        elif bare.startswith("Notes"):
            raise self.deck.error(
                self.line, f"expected 'Notes (3 min):' with minutes, got '{bare}'"
            )
        else:
            if not self.text:
                self.text_line = self.line
            self.text.append(line)

    def _end_text(self) -> None:
        text = "\n".join(self.text).strip("\n")
        if text:
            self._add(Piece(self.text_line, "text", text))
        self.text = []

    def _add(self, piece: Piece) -> None:
        piece.column, piece.fragment = self.column, self.fragment
        self.slide.pieces.append(piece)

    def _begin_column(self, bare: str) -> None:
        found = _COLUMN.fullmatch(bare)
        order = {"": ("left",), "left": ("right",), "right": (None,)}
        if not found or found[1] not in order[self.column]:
            raise self.deck.error(
                self.line, f"expected '::: left', '::: right', ':::' in turn: '{bare}'"
            )
        if self.column and all(p.column != self.column for p in self.slide.pieces):
            raise self.deck.error(self.line, f"the {self.column} column is empty")
        self.column = found[1] or ""
        if found[2] and self.column == "left":
            self.slide.left = int(found[2])

    def _show_cell(self, bare: str) -> None:
        found = _SHOWN.fullmatch(bare)
        if not found:
            raise self.deck.error(
                self.line, f"expected '{{{{ code|output|cell ID }}}}', got '{bare}'"
            )
        options = dict(option.split("=", 1) for option in found[3].split())
        if unknown := sorted(set(options) - _OPTIONS[found[1]]):
            known = ", ".join(sorted(_OPTIONS[found[1]]))
            raise self.deck.error(
                self.line, f"'{found[1]}' knows {known}, and not {', '.join(unknown)}"
            )
        piece = Piece(self.line, found[1], found[2], options)
        self._add(piece)
        piece.first_step = self.clicks
        self.clicks += options.get("steps", "").count("|")
