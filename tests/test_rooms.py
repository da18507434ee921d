"""The rooms of the package: who imports whom, and how long things are.

The floors stand in CONTRIBUTING.md and nowhere else.
"""

import ast
import re
from pathlib import Path

import pytest

import d2l_nin

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "d2l_nin"
MOST_ARROWS = 50
# These may take more than 6 arguments, for the reason that stands with them.
LONG_CONSTRUCTORS = {
    "Recipe": "each is an option of `fit`, which hands them on by name, and a group of "
    "two or three would only be taken apart again",
}


def modules(package=PACKAGE):
    """From a module's name to its file."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).replace(".__init__", "")] = path
    return found


def imports_of(name, path, known):
    """The modules of the package that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= below & set(known) or {node.module}
    return found - {name, "d2l_nin"}


def graph(package=PACKAGE):
    known = modules(package)
    top = package.name
    return {
        name: imports_of(name, path, known)
        for name, path in known.items()
        if name not in (top, f"{top}.__main__")
    }


def room(module):
    return module.split(".")[1]


def arrows(edges):
    return {
        (room(name), room(other))
        for name, others in edges.items()
        for other in others
        if room(name) != room(other)
    }


def floors():
    """From a room to its floor, the lowest first, as CONTRIBUTING.md has them."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"<!-- floors -->\n```text\n(.*?)```", text, re.DOTALL)
    lines = [line.split("#")[0].split() for line in reversed(listed.splitlines())]
    return {name: floor for floor, line in enumerate(lines) for name in line}


def circle(edges):
    """A module that imports itself by way of others, or None."""
    done, under_way = set(), []

    def visit(name):
        if name in under_way:
            return [*under_way[under_way.index(name) :], name]
        if name in done:
            return None
        under_way.append(name)
        found = next(filter(None, map(visit, sorted(edges.get(name, ())))), None)
        under_way.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, sorted(edges))), None)


def upward(edges, of_floor):
    return [
        f"{here} → {there}"
        for here, there in sorted(arrows(edges))
        if of_floor[here] <= of_floor[there]
    ]


def test_every_room_has_its_floor_and_its_name():
    rooms = {room(name) for name in graph()}
    assert rooms <= set(floors()), "CONTRIBUTING.md lists the floors"
    lines = d2l_nin.__doc__.splitlines()
    assert len(lines) <= 10
    named = set(re.findall(r"\w+", d2l_nin.__doc__))
    assert rooms <= named


def test_no_arrow_runs_up_and_few_run_at_all():
    edges = graph()
    assert upward(edges, floors()) == []
    assert 20 < len(arrows(edges)) <= MOST_ARROWS


def test_no_circle():
    assert circle(graph()) is None


def test_an_arrow_that_runs_up_and_a_circle_are_seen(tmp_path):
    package = tmp_path / "d2l_nin"
    (package / "nets").mkdir(parents=True)
    (package / "nets" / "__init__.py").write_text("from d2l_nin.nets.deep import a")
    (package / "nets" / "deep.py").write_text("def f():\n    from d2l_nin import low")
    (package / "low.py").write_text("import mxnet")
    (package / "__init__.py").write_text("")
    edges = graph(package)
    assert arrows(edges) == {("nets", "low")} and circle(edges) is None
    assert upward(edges, {"nets": 1, "low": 0}) == []
    assert upward(edges, {"nets": 0, "low": 0}) == ["nets → low"]
    (package / "low.py").write_text("import d2l_nin.nets")
    assert circle(graph(package)) == [
        "d2l_nin.low", "d2l_nin.nets", "d2l_nin.nets.deep", "d2l_nin.low",
    ]  # fmt: skip


def test_the_bench_imports_nothing_of_the_command_line():
    known = modules() | modules(ROOT / "benchmarks")
    for name, path in modules(ROOT / "benchmarks").items():
        assert "d2l_nin.cli" not in imports_of(name, path, known)
    for name, path in modules().items():
        assert not any(
            other.startswith("benchmarks") for other in imports_of(name, path, known)
        )


@pytest.mark.parametrize("folder", ["d2l_nin", "benchmarks"])
def test_files_functions_and_constructors_stay_short(folder):
    for path in modules(ROOT / folder).values():
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT / folder).as_posix()
        assert len(text.splitlines()) <= 400, f"{name} is full: see CONTRIBUTING.md"
        assert not re.search("noqa.*(PLR|C901)", text), name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                where = f"{name}: {node.name} has {length} lines"
                assert length <= 60, where
            elif isinstance(node, ast.ClassDef):
                count = 0 if node.name in LONG_CONSTRUCTORS else arguments(node)
                assert count <= 6, f"{name}: {node.name} takes {count} arguments"


def classes(folder):
    """From each class's name to (its file, its definition)."""
    found = {}
    for name, path in modules(ROOT / folder).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append((name, node))
    return found


def set_on_self(function) -> set[str]:
    """The attributes that a method gives to its object."""
    return {
        node.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name) and node.value.id == "self"
    }  # fmt: skip


def there_at_first(definition, known) -> set[str]:
    """Attributes that an object has once it is made, of its own class and its bases."""
    found = set()
    for node in definition.body:
        if isinstance(node, ast.AnnAssign):
            found.add(node.target.id)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets}
        elif getattr(node, "name", "") in ("__init__", "__post_init__"):
            found |= set_on_self(node)
    for base in definition.bases:
        for _, above in known.get(ast.unparse(base).rpartition(".")[2], []):
            if above.name != definition.name:
                found |= there_at_first(above, known)
    return found


def late(known) -> list[str]:
    """Attributes that first appear in another method than `__init__`."""
    return [
        f"{where}: {name}.{attribute}"
        for name, found in known.items()
        for where, definition in found
        for method in definition.body
        if isinstance(method, ast.FunctionDef)
        for attribute in set_on_self(method) - there_at_first(definition, known)
    ]


@pytest.mark.parametrize("folder", ["d2l_nin", "benchmarks"])
def test_every_attribute_is_there_from_the_beginning(folder):
    assert late(classes(folder)) == []


def test_an_attribute_that_appears_later_is_seen():
    source = (
        "class A:\n    def __init__(self): self.a = 1\n"
        "class B(A):\n    c: int = 0\n"
        "    def f(self):\n        self.a, self.b, self.c = 1, 2, 3\n"
    )
    known = {node.name: [("x", node)] for node in ast.parse(source).body}
    assert late(known) == ["x: B.b"]


def arguments(definition) -> int:
    """How many a class's constructor takes, besides `self`; a dataclass's as well."""
    if any("dataclass" in ast.unparse(each) for each in definition.decorator_list):
        fields = [node for node in definition.body if isinstance(node, ast.AnnAssign)]
        return sum("init=False" not in ast.unparse(node) for node in fields)
    for node in definition.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            every = node.args
            return len(every.posonlyargs + every.args + every.kwonlyargs) - 1
    return 0


def test_the_fields_of_a_dataclass_are_arguments():
    (definition,) = ast.parse(
        "@dataclass(frozen=True)\nclass A:\n    a: int\n    b: int = 0\n"
        "    c: dict = field(default_factory=dict, init=False)\n"
    ).body
    assert arguments(definition) == 2
