"""Floor 0: which cells of a notebook another cell needs, told from their names."""

from __future__ import annotations

import ast
import builtins
import symtable
from dataclasses import dataclass, field

__all__ = ["Names", "definitions_of", "imported_by", "names_of", "needed_cells"]

EVERYTHING = "*"  # what `from … import *` binds
_DEFINES = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_UNSURE = (ast.If, ast.For, ast.While, ast.Try)  # what they bind may stay unbound
_WITH_A_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass
class Names:
    """What a cell does to the names of its notebook.

    Attributes
    ----------
    needs : set of str
        Read in it, and not bound by an earlier statement of the cell.
    binds : set of str
        Bound for sure: assigned, imported or defined, not below an `if`.
    touches : set of str
        Bound perhaps, or changed in place: `net.add(…)`, `net[0] = …`, `fit(net)`.
    defines : set of str
        Bound by `definitions_of` the cell, and by nothing else in it.
    definitions_need : set of str
        What these need from other cells.
    """

    needs: set[str] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    touches: set[str] = field(default_factory=set)
    defines: set[str] = field(default_factory=set)
    definitions_need: set[str] = field(default_factory=set)


def _reads_and_bindings(statement: ast.stmt) -> tuple[set, set, set]:
    """Names of the notebook that a statement reads, binds, and may bind in a call."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    reads = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    binds = {
        s.get_name()
        for s in table.get_symbols()
        if s.is_assigned() or s.is_imported() or s.is_namespace()
    }
    later, inner = set(), list(table.get_children())
    while inner:
        scope = inner.pop()
        inner += scope.get_children()
        for symbol in scope.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                reads.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                later.add(symbol.get_name())
    for node in ast.walk(statement):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            reads.add(node.target.id)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == EVERYTHING:
            binds.add(EVERYTHING)
    return reads, binds, later


def _root(node: ast.expr) -> set[str]:
    """The name that `net.features[0].weight` begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _is_builtin(node: ast.expr) -> bool:
    """Whether `print` or the like is called, which change nothing."""
    return isinstance(node, ast.Name) and hasattr(builtins, node.id)


def _changes_no_argument(node: ast.expr) -> bool:
    """Whether a class, a function of NumPy or one that seeds is called, by its name."""
    root, name = _root(node), getattr(node, "attr", getattr(node, "id", ""))
    return name[:1].isupper() or name.startswith("seed") or root <= {"np", "numpy"}


def _changed_in_place(node: ast.AST, imported: frozenset) -> set[str]:
    """Names whose objects a statement may change, outside of functions.

    A call like `figures.curves(…)` of what is `imported` does not change it.
    """
    if isinstance(node, _WITH_A_SCOPE):
        return set()
    changed = set()
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(
        node.ctx, ast.Load
    ):
        changed |= _root(node)
    value = getattr(node, "value", None)
    if isinstance(node, (ast.Expr, ast.Assign)) and isinstance(value, ast.Call):
        if isinstance(node, ast.Expr) and isinstance(value.func, ast.Attribute):
            changed |= _root(value.func) - imported
        if value.args and not _is_builtin(value.func):
            first = value.args[0]
            if not isinstance(first, ast.Call) and not _changes_no_argument(value.func):
                changed |= _root(first)
    for child in ast.iter_child_nodes(node):
        changed |= _changed_in_place(child, imported)
    if isinstance(node, ast.For):
        targets = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        if changed & targets:  # of something in what the loop goes over
            changed |= {n.id for n in ast.walk(node.iter) if isinstance(n, ast.Name)}
    return changed


def _is_constant(statement: ast.stmt) -> bool:
    """Whether it is an assignment like `SEEDS = range(3)`, which computes nothing."""
    return (
        isinstance(statement, ast.Assign)
        and all(isinstance(target, ast.Name) for target in statement.targets)
        and all(
            _is_builtin(node.func)
            for node in ast.walk(statement.value)
            if isinstance(node, ast.Call)
        )
    )


def definitions_of(tree: ast.Module) -> list[ast.stmt]:
    """The statements that only define: functions, classes, imports, constants."""
    return [
        statement
        for statement in tree.body
        if (isinstance(statement, _DEFINES) or _is_constant(statement))
        and not getattr(statement, "decorator_list", None)
    ]


def imported_by(tree: ast.Module) -> set[str]:
    """The names that import statements of a cell bind."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for statement in tree.body
        if isinstance(statement, (ast.Import, ast.ImportFrom))
        for alias in statement.names
    }


def names_of(tree: ast.Module, imported: frozenset = frozenset()) -> Names:
    """What a cell needs, binds, touches and defines.

    Parameters
    ----------
    tree : ast.Module
        Of plain Python: magics are already calls.
    imported : frozenset of str
        Names that the notebook imports.
    """
    names = _names_of(tree.body, imported)
    definitions = definitions_of(tree)
    if len(definitions) < len(tree.body):
        rest = _names_of([s for s in tree.body if s not in definitions], imported)
        alone = _names_of(definitions, imported)
        names.defines = alone.binds - alone.touches - rest.binds - rest.touches
        names.definitions_need = alone.needs
    return names


def _names_of(statements: list[ast.stmt], imported: frozenset = frozenset()) -> Names:
    names = Names()
    for statement in statements:
        reads, binds, later = _reads_and_bindings(statement)
        if isinstance(statement, (*_UNSURE, ast.With)):
            reads = _needs_of_blocks(statement)
        if isinstance(statement, _UNSURE):
            binds, later = set(), later | binds
        names.needs |= reads - names.binds
        names.touches |= later | _changed_in_place(statement, imported)
        names.binds |= binds
    return names


def _needs_of_blocks(statement: ast.stmt) -> set[str]:
    """What `if`, `with`, a loop or `try` read without having bound it before."""
    needs, bound = set(), set()
    for item in getattr(statement, "items", []):
        needs |= _reads_and_bindings(ast.Expr(item.context_expr))[0] - bound
        into = ast.walk(item.optional_vars) if item.optional_vars else ()
        bound |= {n.id for n in into if isinstance(n, ast.Name)}
    for name, value in ast.iter_fields(statement):
        if isinstance(value, ast.expr) and name != "target":
            needs |= _reads_and_bindings(ast.Expr(value))[0]
    if isinstance(statement, ast.For):
        names = [n for n in ast.walk(statement.target) if isinstance(n, ast.Name)]
        bound = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        needs |= {n.id for n in names if isinstance(n.ctx, ast.Load)}  # for d[k] in …
    for block in ("body", "orelse", "finalbody"):
        needs |= _names_of(getattr(statement, block, [])).needs - bound
    for handler in getattr(statement, "handlers", []):
        kinds = [ast.Expr(handler.type)] if handler.type else []
        needs |= _names_of([*kinds, *handler.body]).needs - {handler.name}
    return needs


def needed_cells(cells: list[Names], target: int) -> list[tuple[int, bool]]:
    """The cells that must run before cell number `target`, in order.

    With each stands whether its definitions are enough. It is a guess from names: a
    change by another name of the same object is not seen.

    Parameters
    ----------
    cells : list of Names
    target : int
    """
    needed, chosen = set(cells[target].needs), []
    for i in reversed(range(target)):
        cell = cells[i]
        gives = cell.binds | cell.touches
        if needed & gives or EVERYTHING in cell.binds:
            if EVERYTHING not in cell.binds and needed & gives <= cell.defines:
                chosen.append((i, True))
                needed = (needed - cell.defines) | cell.definitions_need
            else:
                chosen.append((i, False))
                needed = (needed - cell.binds) | cell.needs
    return chosen[::-1]
