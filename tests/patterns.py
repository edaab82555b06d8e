"""Every regular expression of the package, and texts that find those whose work grows faster than its text.

    python -m tests.patterns [MODULE …]

fuzzes the patterns of the modules whose names hold one of these words (all without one) with every pair of
pieces, and prints those that grow. `test_patterns.py` does the same with fewer texts.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import random
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import share_sql

_METHODS = frozenset(("match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split"))
_ONCE = frozenset(("match", "fullmatch"))
SHORT, LONG = 1_000, 8_000
"""Characters of the two texts that are compared."""
_MOST_GROWTH = 1.5
"""Exponent of the growth between the two: 1 is linear."""
_WORST = 9.0
"""Given where the growth is too fast to be measured."""
_LONGEST = 5.0
"""Seconds after which a pattern is broken off."""
_NOTICED = 0.002
"""Seconds below which a long text is not looked at closer."""
GENERIC = (
    " ", "\n", "\t", "\n\n", "\r\n", "'", '"', "`", "(", ")", "[", "]", "{", "}", "\\",
    "\\'", "''", '""', "a",
    "a ", "A", "é", "1", "1 ", ".", ",", ";", ":", "-", "--", "/*", "*/", "*", "#", "//", "=", " = ",
    "<", ">",
    "|", "||", "&", "%", "_", "```", "```sql\n", "~~~", "SELECT ", "FROM ", "WITH a ", "a, ", "a b ", "'a' ",
    "/* a */ ", "(a) ", "a.b ", "\u00a0", "<think>", "</a>", "&amp;", "!", "=\t", "\n \n", "((a", "'(",
)  # fmt: skip
"""Pieces that SQL, and the text round it, is made of."""


@dataclass(frozen=True)
class Pattern:
    """A regular expression of the package as it is used."""

    where: str
    """Module and line."""
    regex: re.Pattern[str]
    method: str
    """How it is used: `match` and `fullmatch` try one place only."""

    def run(self, text: str) -> None:
        """Use it on a text."""
        if self.method in _ONCE or self.method == "search":
            getattr(self.regex, self.method)(text)
        else:
            for _ in self.regex.finditer(text):
                pass

    def __str__(self) -> str:
        return f"{self.where} {self.method} {self.regex.pattern[:100]!r}"


def modules() -> Iterator[ModuleType]:
    """Every module of the package that can be imported here."""
    for info in pkgutil.walk_packages(share_sql.__path__, "share_sql."):
        try:
            yield importlib.import_module(info.name)
        except ImportError:  # an extra that is not installed
            continue


def patterns() -> list[Pattern]:
    """Every pattern that the package's source compiles or uses, with each way in which it is used."""
    found: dict[tuple[str, int, str], Pattern] = {}
    trees = {module: ast.parse(Path(str(module.__file__)).read_text("utf-8")) for module in modules()}
    everywhere: dict[str, set[str]] = defaultdict(set)
    for tree in trees.values():
        for name, methods in _methods(tree).items():
            everywhere[name] |= methods
    for module, tree in trees.items():
        own = _methods(tree)
        names = {
            id(node.value): _targets(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
        }
        chained = {id(node.value): node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args and _is_re(node.func)):
                continue
            assert isinstance(node.func, ast.Attribute)
            regex = _compiled(node, module)
            if regex is None:
                continue
            methods = {node.func.attr}
            if node.func.attr == "compile":
                methods = {
                    method for name in names.get(id(node), ()) for method in own[name] or everywhere[name]
                }
                methods |= {chained[id(node)]} & _METHODS if id(node) in chained else set()
                methods = methods or {"finditer"}
            for method in methods:
                where = f"{module.__name__}:{node.lineno}"
                found[where, regex.flags, regex.pattern + method] = Pattern(where, regex, method)
    return list(found.values())


def _is_re(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "re"
        and function.attr in _METHODS | {"compile"}
    )


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _methods(tree: ast.AST) -> dict[str, set[str]]:
    """How each compiled pattern of a module is used in it."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in _METHODS:
            found[node.value.id].add(node.attr)
    return found


class _Known(ast.NodeTransformer):
    """Puts a word where a pattern holds what only a call knows."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        if {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} <= self.names.keys():
            return node
        return ast.Constant("name")


def _compiled(node: ast.Call, module: ModuleType) -> re.Pattern[str] | None:
    names = {**vars(__builtins__ if isinstance(__builtins__, ModuleType) else sys), **vars(module)}
    assert isinstance(node.func, ast.Attribute)
    flags = 0
    at = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(node.func.attr, 2)
    given = [*node.args[at : at + 1], *(key.value for key in node.keywords if key.arg == "flags")]
    try:
        pattern = _value(node.args[0], names)
        for each in given:
            flags |= int(_value(each, names))
        return re.compile(pattern, flags) if isinstance(pattern, str) else None
    except (NameError, TypeError, AttributeError):
        # It is made of a loop's variable: `re.compile(pattern) for pattern in …`.
        return None


def _value(expression: ast.expr, names: dict[str, Any]) -> Any:
    changed = ast.fix_missing_locations(ast.Expression(_Known(names).visit(expression)))
    return eval(compile(changed, "pattern", "eval"), dict(names))


# -- texts -------------------------------------------------------------------------------------------------


def own_pieces(regex: re.Pattern[str]) -> list[str]:
    """Pieces of a pattern's own alphabet: its literals, a letter of each set, and what it matches itself."""
    found: dict[str, None] = {}

    def letter(kind: Any, value: Any) -> str:
        if kind is _constants.LITERAL:
            return chr(value)
        if kind is _constants.RANGE:
            return chr(value[0])
        if kind is _constants.CATEGORY:
            return {_constants.CATEGORY_SPACE: " ", _constants.CATEGORY_DIGIT: "7"}.get(value, "x")
        return "z"

    def walk(parsed: Any) -> str:
        """A text that it matches."""
        text = ""
        for kind, value in parsed:
            part = ""
            if kind is _constants.LITERAL:
                part = chr(value)
            elif kind is _constants.IN:
                letters = [letter(*each) for each in value if each[0] is not _constants.NEGATE]
                found.update(dict.fromkeys(letters))
                part = letters[0] if letters and value[0][0] is not _constants.NEGATE else "q"
            elif kind is _constants.BRANCH:
                parts = [walk(each) for each in value[1]]
                found.update(dict.fromkeys(parts))
                part = parts[0]
            elif kind is _constants.SUBPATTERN:
                part = walk(value[3])
            elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
                part = walk(value[2])
                found[part] = None
                part = part * max(1, min(int(value[0]), 3))
            elif kind in (_constants.ASSERT, _constants.ASSERT_NOT):
                found[walk(value[1])] = None
            elif kind is _constants.ATOMIC_GROUP:
                part = walk(value)
            elif kind in (_constants.ANY, _constants.NOT_LITERAL):
                part = "y"
            text += part
            found[text] = None
        return text

    whole = walk(_parser.parse(regex.pattern, regex.flags & ~re.UNICODE))
    found[whole] = found[whole + " "] = None
    return [piece for piece in found if piece and len(piece) < 80]


def texts(regex: re.Pattern[str], most: int | None = None) -> Iterator[Callable[[int], str]]:
    """Texts of any size: something first, a piece or two many times, something last.

    Args:
        regex: gives pieces of its own.
        most: how many, drawn with one seed; None for all of them.
    """
    own = own_pieces(regex)
    bodies = list(dict.fromkeys([*own, *GENERIC]))
    singles = [
        (first, body, last) for body in bodies for first in ("", own[-1], own[0]) for last in ("", "\0")
    ]
    pairs = [(first, one + two, "\0") for one in bodies for two in bodies for first in ("", own[-1])]
    before = [(first, body, last) for first in own for body in bodies for last in ("", "\0")]
    chosen = singles + pairs + before
    if most is not None and len(chosen) > most:
        rng = random.Random(ascii(regex.pattern))
        chosen = rng.sample(singles, min(most // 2, len(singles)))
        chosen += rng.sample(pairs + before, min(most // 2, len(pairs) + len(before)))
    for first, body, last in chosen:
        yield _Text(first, body, last)


@dataclass(frozen=True)
class _Text:
    first: str
    body: str
    last: str

    def __call__(self, size: int) -> str:
        return self.first + self.body * (size // len(self.body)) + self.last


def grows(run: Callable[[str], object], text: Callable[[int], str]) -> float:
    """The exponent with which time grows with a text; 0 where it is too short to be told."""
    # What grows faster still is seen at once.
    for size in (60, SHORT // 4, SHORT):
        if spent(run, text(size)) > 0.25:
            return _WORST
    if spent(run, text(LONG)) < _NOTICED:
        return 0.0
    exponent = _WORST
    for _ in range(4):
        short = max(spent(run, text(SHORT)), 1e-6)
        exponent = min(exponent, log(spent(run, text(LONG)) / short, LONG / SHORT))
        if exponent < _MOST_GROWTH:
            return 0.0
    return exponent


def spent(run: Callable[[str], object], text: str) -> float:
    """Seconds of this thread's own work; `_LONGEST` where it was broken off."""

    def stop(signal_number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LONGEST)
    started = time.thread_time()
    try:
        run(text)
        return time.thread_time() - started
    except TimeoutError:
        return _LONGEST
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main(words: list[str]) -> None:
    """Fuzz patterns and print those that grow."""
    for pattern in patterns():
        if words and not any(word in pattern.where for word in words):
            continue
        worst: tuple[float, object] = (0.0, None)
        for text in texts(pattern.regex, 400):
            exponent = grows(pattern.run, text)
            if exponent > worst[0]:
                worst = exponent, text
            if exponent:
                break
        if worst[0]:
            print(f"{worst[0]:.1f} {pattern}\n      {worst[1]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
