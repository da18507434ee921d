"""`python -m d2l_nin.checks`: a stub of an exercise, or a sealed answer.

python -m d2l_nin.checks new 07 padding Function    prints a declaration to fill in
python -m d2l_nin.checks seal 02 training_memory 226     prints what to write as `right`
"""

import ast
import sys

from d2l_nin import checks

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
    "",  # python -m d2l_nin.checks seal {chapter} {name} "'this'"
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


def main(arguments: list) -> str:
    """What the command prints, or how it is called."""
    if len(arguments) == 4 and arguments[0] == "new" and arguments[3] in _STUBS:
        _, chapter, name, kind = arguments
        return _STUBS[kind].format(chapter=chapter, name=name)
    if len(arguments) == 4 and arguments[0] == "seal":
        _, chapter, name, value = arguments
        exercise = checks.exercises_of(chapter)[name]
        return repr(exercise.seal(ast.literal_eval(value)))
    return f"{__doc__}\nKinds: {', '.join(_STUBS)}"


if __name__ == "__main__":
    print(main(sys.argv[1:]))
