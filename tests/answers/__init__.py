"""Right and wrong answers to the exercises, a module a chapter."""


class Measured(tuple):
    """A prediction and what was measured: the arguments of a check."""
