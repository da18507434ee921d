"""What is known of a submission while it is graded, and when that is enough.

Nothing but *right* or *unanswered* is kept from a quick pass: any other verdict may be
the fault of cells that were left out. Of a notebook that ran whole, in order, the best
answer to each exercise counts.
"""

from __future__ import annotations

__all__ = ["MISSING", "ORDER", "RIGHT", "Found"]

RIGHT, UNANSWERED, MISSING = "right", "unanswered", "missing"
# From worst to best.
ORDER = (MISSING, UNANSWERED, "killed", "failed", "too slow", "wrong", RIGHT)
_FILES = ("ModuleNotFoundError", "FileNotFoundError")


class Found:
    """What the passes through a notebook have told so far.

    Attributes
    ----------
    states : dict
        Of each exercise that was judged: "status", "lines", "source".
    errors, stopped : dict
        What each cell raised; why it was stopped.
    first_words : dict
        What `run_notebook` tells before it runs a cell.
    cell : int
        The one that runs.
    """

    def __init__(self):
        self.whole = self.ended = False
        self.states, self.errors, self.stopped, self.first_words = {}, {}, {}, {}
        self.called = set()
        self.cell, self.note, self.broke = -1, "", ""

    def hear(self, message: dict) -> None:
        """Take in one message of the process that runs the notebook."""
        self.cell = message.get("cell", self.cell)
        self.note = message.get("note", self.note)
        self.broke = message.get("broke", "")
        self.ended = message.get("end", False)
        if "mentions" in message:
            self.first_words = message
        if "error" in message:
            self.errors[message["in"]] = message["error"]
        if "state" in message:
            self._judged(message["name"], message["state"])

    def _judged(self, name: str, state: dict) -> None:
        status = state["status"]
        self.called.add(name)
        at = set(self._cells_of(name))
        is_open = bool(at) and at <= set(self.first_words["open"])
        kept = status == RIGHT or (status == UNANSWERED and is_open)
        before = self.states.get(name, {}).get("status", MISSING)
        if (self.whole or kept) and ORDER.index(status) > ORDER.index(before):
            self.states[name] = {**state, "cell": self.cell}

    def _cells_of(self, name: str) -> list[int]:
        return self.first_words["mentions"].get(name, [])

    def is_settled(self) -> bool:
        """Whether a quick pass told all that a whole one could tell."""
        if not self.first_words:
            return True
        quick = range(*self.first_words["quick"])
        failed = {*self.errors, *self.stopped}
        may_call = self.first_words["may call"]
        unsure = [i for i in may_call if i not in quick or i in failed]
        # A cell that is left open raises nothing and hides nothing.
        unsure = set(unsure) - set(self.first_words["open"])
        named = {*self.first_words["mentions"], *self.called}
        wanted = {*named, *(self.first_words["exercises"] if unsure else ())}
        return all(name in self.states for name in wanted)

    def begin_whole(self) -> None:
        """From now on all counts; what a quick pass said of cells does not."""
        self.whole = True
        self.errors.clear()
        self.stopped.clear()

    def result(self) -> dict:
        """The state of each exercise that was named or called."""
        named = self.first_words.get("mentions", {})
        states = {}
        for name in [*dict.fromkeys([*named, *self.states])]:
            state = dict(self.states.get(name) or self._not_judged(name))
            at = state.pop("cell")
            if state["status"] not in (RIGHT, UNANSWERED):
                state["lines"] = [*state["lines"], *self._before(at)]
            states[name] = state
        note = self.note
        if self.first_words and not states and not note:
            note = "no call of a check was found in it"
        return {"states": states, "note": note}

    def _not_judged(self, name: str) -> dict:
        """Why an exercise that a cell names has no verdict."""
        at = self._cells_of(name)[-1]
        status, lines = "failed", ["The cell ended before it called the check."]
        if at in self.stopped:
            where = f"In cell {at + 1} of the notebook's code cells:"
            status, lines = "killed", [where, self.stopped[at]]
        elif at in self.errors:
            lines = ["Its cell raised an error:", self.errors[at]]
        elif self.note:
            status, lines = "killed", [self.note]
        source = self.first_words["sources"].get(str(at), "")
        return {"status": status, "lines": lines, "source": source, "cell": at}

    def _before(self, at: int) -> list[str]:
        """What went wrong in the cells above: often the cause."""
        lines = []
        wrong = {**self.errors, **self.stopped}
        for i in sorted(i for i in wrong if i < at)[:3]:
            lines.append(f"Above it, in code cell {i + 1}: {wrong[i]}")
        if any(e.startswith(_FILES) for i, e in self.errors.items() if i <= at):
            lines.append(
                "A file was missing. What a notebook reads is to be handed in beside "
                "it, in one folder."
            )
        return lines
