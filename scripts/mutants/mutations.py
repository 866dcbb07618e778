"""The mutants of a module: what poodle's mutators make of it, and two more, without what changes no behaviour by rule.

Left out, because a test of them would only repeat the code: the words of errors, what is logged, annotations and type
aliases, how a class is declared (``frozen=True``), and the names of threads.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from poodle.data_types import FileMutation, Mutator
from poodle.mutate import builtin_mutators

LOGGER = "_log"
NAMES_ONLY = {"thread_name_prefix"}
"""Arguments that only name something for people who inspect the process."""

ALIASES = {"Callable", "Literal", "Mapping", "dict", "list", "tuple", "type"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module: ``before``, which begins on line ``number``, becomes ``after``.

    ``module`` is its path below ``src``, ``line`` the text of that line; ``nth`` tells apart several that agree in all
    of these. ``source`` is the whole module after the change.
    """

    module: str
    number: int
    line: str
    before: str
    after: str
    nth: int
    source: bytes

    @property
    def identity(self) -> str:
        """A digest of what is changed; it stays the same while other lines of the module change."""
        return sha256(repr((self.module, self.line, self.before, self.after, self.nth)).encode()).hexdigest()

    def __str__(self) -> str:
        """Return where it is and what it changes, on three lines."""
        return f"{self.module}:{self.number}: {self.line}\n    {flat(self.before)}\n -> {flat(self.after)}"

    def compiles(self) -> bool:
        """Return whether this is Python: poodle changes some places where its text does not fit."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                compile(self.source, self.module, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                return False
        return True


class ConditionMutator(Mutator):  # type: ignore[misc]  # poodle has no types
    """Inverts the conditions that poodle does not change: names, calls, and what ``and`` and ``or`` join."""

    mutator_name = "Condition"

    def create_mutations(self, parsed_ast: ast.Module, **_: object) -> list[FileMutation]:
        """Return a mutation for each condition."""
        nodes = list(ast.walk(parsed_ast))
        conditions = [node.test for node in nodes if isinstance(node, ast.If | ast.IfExp | ast.While)]
        conditions += [test for node in nodes if isinstance(node, ast.comprehension) for test in node.ifs]
        return [
            self.create_file_mutation(test, f"not ({ast.unparse(test)})")
            for test in conditions
            if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Constant)
        ]


class LoopMutator(Mutator):  # type: ignore[misc]  # poodle has no types
    """Gives each ``for`` statement nothing to do."""

    mutator_name = "Loop"

    def create_mutations(self, parsed_ast: ast.Module, **_: object) -> list[FileMutation]:
        """Return a mutation for each loop."""
        return [
            self.create_file_mutation(node.iter, "()") for node in ast.walk(parsed_ast) if isinstance(node, ast.For)
        ]


def mutants(folder: Path, module: str) -> Iterator[Mutant]:
    """Yield the mutants of ``folder / module`` in the order of its lines. Some may not compile."""
    source = (folder / module).read_bytes()
    lines = source.splitlines(keepends=True)
    starts = list(accumulate(map(len, lines), initial=0))
    tree = ast.parse(source)

    def span(place: Any) -> tuple[int, int]:
        return starts[place.lineno - 1] + place.col_offset, starts[place.end_lineno - 1] + place.end_col_offset

    hidden = [span(node) for node in _left_out(tree)]
    hidden += [span(text) for text in _misplaced(tree, lambda node: source[slice(*span(node))])]
    seen: Counter[tuple[str, str, str]] = Counter()
    for mutation in _mutations(source):
        start, end = span(mutation)
        if any(low <= start and end <= high for low, high in hidden):
            continue
        text = lines[mutation.lineno - 1].decode().strip(), source[start:end].decode(), mutation.text
        seen[text] += 1
        mutated = source[:start] + mutation.text.encode() + source[end:]
        yield Mutant(module, mutation.lineno, *text, seen[text], mutated)


def _mutations(source: bytes) -> list[FileMutation]:
    """Return what all mutators make of the module, each change once, in the order of the text."""
    config: Any = SimpleNamespace(mutator_opts={})
    made: dict[tuple[int, int, int, int, str], FileMutation] = {}
    for mutator in (*builtin_mutators.values(), ConditionMutator, LoopMutator):
        for each in _made_by(mutator(config=config, echo=print), ast.parse(source)):
            made.setdefault((each.lineno, each.col_offset, each.end_lineno, each.end_col_offset, each.text), each)
    return [made[place] for place in sorted(made)]


def _made_by(mutator: Mutator, tree: ast.Module) -> Iterator[FileMutation]:
    """Yield what a mutator makes of each node.

    Poodle's own walk ends at the first node that a mutator knows: it would see no call in another call's arguments and
    no comparison beside an ``and``. A statement at a time, because poodle copies all that hangs together.
    """
    if isinstance(mutator, ConditionMutator | LoopMutator):
        yield from mutator.create_mutations(tree)
        return
    for statement in tree.body:
        alone = ast.Module([statement], [])
        mutator.add_parent_attr(alone)
        for node in list(ast.walk(alone)):
            mutator.mutants = []
            getattr(mutator, f"visit_{type(node).__name__}", lambda _: None)(node)
            yield from mutator.mutants


def _left_out(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes whose change is no change of behaviour, by the rules in this module's docstring."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    errors = {alias.name for node in imports if node.module == "windrow.core.errors" for alias in node.names}
    for node in ast.walk(tree):
        yield from _declared(node)
        match node:
            case ast.Raise(exc=ast.Call() as call):
                yield from _words(call)
            case ast.Call(func=ast.Name(id=name)) if name in errors:
                yield from _words(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name == LOGGER:
                yield node
            case ast.keyword(arg=name) if name in NAMES_ONLY:
                yield node


def _declared(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what only readers of the code and type checkers use."""
    match node:
        case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
            yield annotation
        case ast.FunctionDef(returns=ast.expr() as returns):
            yield returns
        case ast.ClassDef():
            yield from (*node.decorator_list, *node.keywords)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node
        case ast.Assign(value=ast.Subscript(value=ast.Name(id=name))) if name in ALIASES:
            yield node
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            yield node


def _words(call: ast.Call) -> Iterator[ast.AST]:
    for node in ast.walk(call):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            yield node


def _misplaced(tree: ast.Module, text_of: Callable[[ast.AST], bytes]) -> Iterator[ast.AST]:
    """Yield the f-strings whose expressions are at another place than their nodes say (Python before 3.12)."""
    for text in ast.walk(tree):
        if isinstance(text, ast.JoinedStr):
            inner = [part for value in text.values if isinstance(value, ast.FormattedValue) for part in ast.walk(value)]
            if not all(_reads(node, text_of(node)) for node in inner if isinstance(node, ast.expr)):
                yield text


def _reads(node: ast.expr, text: bytes) -> bool:
    if isinstance(node, ast.FormattedValue | ast.JoinedStr):
        return True
    try:
        return ast.unparse(ast.parse(b"(" + text + b")", mode="eval")) == ast.unparse(node)
    except SyntaxError:
        return False


def flat(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())
