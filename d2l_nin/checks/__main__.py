"""`python -m d2l_nin.checks`: a stub of an exercise, or a sealed answer.

python -m d2l_nin.checks new 07 padding Function    prints a declaration and its cells
python -m d2l_nin.checks seal 02 training_memory 226     prints what to write as `right`
"""

import ast
import re
import sys
from contextlib import suppress

from d2l_nin import checks
from d2l_nin.checks.expect import Wrong

# Ahead of a declaration, and the cells that go with it.
_IMPORTS = {
    "Block": "from mxnet.gluon import nn\n\n",
    "Evidence": "from d2l_nin.checks.expect import accuracies_of_seeds\n",
    "Prediction": "from d2l_nin.checks.expect import measured_accuracies\n",
}
_HEADINGS = {"Number": "on paper", "Choice": "debug", "Prediction": "predict",
             "Evidence": "claim"}  # fmt: skip
_CELLS = """
# The question, in the chapter and word for word in notebooks/solutions:
#
#     ### Exercise {number} · {heading}
#
#     What is asked.
#
# Below it a cell with the tag `exercise`; the solutions have an answer in it, and above
# it a text that begins with "Reasoning." in bold
#
#     answer = ...  # what is handed in
#     check.ch{chapter}.{name}({arguments})
"""
_SHARED = """    hints=("Weak.", "Stronger."),
    remember="The sentence worth remembering.",
)
"""
_STUBS = {
    "Number": """{name} = Number(
    "what is asked",
    "",  # python -m d2l_nin.checks seal {chapter} {name} 42
    {{"This counts it twice.": 84}},
    ("Weak.", "Stronger."),
    "The sentence worth remembering.",
)
""",
    "Choice": """{name} = Choice(
    "what is asked",
    "",  # python -m d2l_nin.checks seal {chapter} {name} this
    ("this", "that"),
    {{"That would need another layer.": "that"}},
    ("Weak.", "Stronger."),
    "The sentence worth remembering.",
)
""",
    "Function": """@Function(
    cases=lambda rng: [(int(n),) for n in rng.integers(2, 90, 8)],
    mistakes={{"This adds one too many.": lambda n: n + 2}},
"""
    + _SHARED
    + '''def {name}(n):
    """What is asked."""
    return n + 1
''',
    "Block": """@Block(
    cases=[((5,), (2, 3, 8, 8)), ((4,), (1, 6, 7, 9))],
    mistakes={{"The 3×3 needs padding.": lambda channels: nn.Conv2D(channels, 3)}},
"""
    + _SHARED
    + '''def {name}(channels):
    """What is asked."""
    return nn.Conv2D(channels, 3, padding=1)
''',
    "Prediction": """@Prediction(
    options={{"better": "It took fewer steps.", "worse": "It saw more."}},
    tried=[((0.6, 0.8), "better"), ((0.8, 0.6), "worse")],
"""
    + _SHARED
    + '''def {name}(measured):
    """What is predicted."""
    before, after = measured_accuracies(measured, 2)
    return "better" if after > before else "worse"
''',
    "Evidence": """@Evidence(
    right=[[0.5, 0.6, 0.7, 0.8, 0.9]],
    mistakes={{"One seed shows nothing": [0.5]}},
"""
    + _SHARED
    + '''def {name}(answer):
    """What is to be shown."""
    accuracies_of_seeds(answer, "answer")
''',
}


def _declared(chapter: str) -> dict:
    return checks.exercises_of(chapter) if hasattr(checks, f"ch{chapter}") else {}


def _new(chapter: str, name: str, kind: str) -> str:
    """A declaration with its imports, and the cells that go with it."""
    there = _declared(chapter)
    if not name.isidentifier() or name in there or not re.fullmatch(r"\d\d", chapter):
        raise SystemExit(
            "Expected a chapter (07) and a new name of letters, digits and _ "
            f"(padding_of_three); got {chapter} and {name}."
        )
    imports = f"{_IMPORTS.get(kind, '')}from d2l_nin.checks.kinds import {kind}\n\n\n"
    arguments = "answer, measured" if kind == "Prediction" else "answer"
    return imports + (_STUBS[kind] + _CELLS).format(
        chapter=chapter, name=name, arguments=arguments, number=len(there) + 1,
        heading=_HEADINGS.get(kind, "code"),
    )  # fmt: skip


def _seal(chapter: str, name: str, value: str) -> str:
    exercise = _declared(chapter).get(name)
    if not hasattr(exercise, "seal"):
        raise SystemExit(f"Declare ch{chapter}.{name} as a Number or a Choice first.")
    with suppress(SyntaxError, ValueError):  # an option may be a bare word
        value = ast.literal_eval(value)
    try:
        return repr(exercise.seal(value))
    except (TypeError, Wrong):
        raise SystemExit(f"{value} is no answer to {exercise}") from None


def main(arguments: list) -> str:
    """What the command prints, or how it is called."""
    if len(arguments) == 4 and arguments[0] == "new" and arguments[3] in _STUBS:
        return _new(*arguments[1:])
    if len(arguments) == 4 and arguments[0] == "seal":
        return _seal(*arguments[1:])
    return f"{__doc__}\nKinds: {', '.join(_STUBS)}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
