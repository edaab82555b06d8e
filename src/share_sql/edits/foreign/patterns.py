"""Regular expressions as SQLite's LIKE and GLOB: text, sets of signs, wildcards, anchors, choices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sqlglot import exp

from share_sql.edits.foreign.nodes import Reading, Rule, operand, string, text

_LONGEST = 200
_SETS = {"d": "[0-9]", "w": "[A-Za-z0-9_]"}
_TOKEN = re.compile(
    r"\\(?P<escaped>.)|(?P<set>\[\^?\]?[^\]\\]*\])|(?P<any>\.\*)|(?P<one>\.)|(?P<plain>[^\\\[\](){}|*+?.^$])",
    re.DOTALL,
)
_TIMES = re.compile(r"\{(\d{1,2})\}")
_POSIX = {"[:digit:]": "0-9", "[:alpha:]": "A-Za-z", "[:upper:]": "A-Z", "[:lower:]": "a-z"}


def _choices(pattern: str) -> list[str] | None:
    """The alternatives of a pattern, one level deep: `a|b`, `^(a|b)$`, `x(a|b)`."""
    match = re.fullmatch(r"([^()|]*)\((?:\?:)?([^()]*)\)([^()|]*)", pattern)
    if match is not None:
        return [f"{match[1]}{choice}{match[3]}" for choice in match[2].split("|")]
    return pattern.split("|") if "(" not in pattern else None


def globs(pattern: str, ignore_case: bool, whole: bool = False) -> list[str] | None:
    """A regular expression as patterns for GLOB, one of which must match; None where GLOB cannot say it.

    Args:
        pattern: the regular expression.
        ignore_case: whether capitals do not count.
        whole: whether it must match all of the text.
    """
    if len(pattern) > _LONGEST:
        return None
    for name, signs in _POSIX.items():
        pattern = pattern.replace(name, signs)
    if pattern.startswith("(?i)"):
        pattern, ignore_case = pattern[4:], True
    choices = _choices(pattern)
    if choices is None:
        return None
    # "^a|b" begins with a, or holds b; each choice has its own anchors.
    found = [_glob(choice, ignore_case, whole) for choice in choices]
    return [glob for glob in found if glob is not None] if all(glob is not None for glob in found) else None


def _glob(pattern: str, ignore_case: bool, whole: bool) -> str | None:
    starts, ends = pattern.startswith("^"), pattern.endswith("$") and not pattern.endswith("\\$")
    pattern = pattern[starts : len(pattern) - ends]
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            return None
        at = match.end()
        part = _part(match, ignore_case)
        if part is None:
            return None
        times = _TIMES.match(pattern, at)
        if times is not None:
            parts += [part] * int(times[1])
            at = times.end()
        elif pattern[at : at + 1] == "+" and match["one"] is not None:
            parts += ["?", "*"]
            at += 1
        else:
            parts.append(part)
    body = "".join(parts)
    head = "" if starts or whole or body.startswith("*") else "*"
    tail = "" if ends or whole or body.endswith("*") else "*"
    return f"{head}{body}{tail}" if len(body) <= _LONGEST else None


def _part(match: re.Match[str], ignore_case: bool) -> str | None:
    """One element of a pattern in GLOB's words."""
    if match["any"] is not None:
        return "*"
    if match["one"] is not None:
        return "?"
    if match["set"] is not None:
        signs = match["set"][1:-1]
        negated = signs.startswith("^")
        signs = signs.removeprefix("^")
        if ignore_case:
            signs += "".join(sign for sign in _other_case(signs) if sign not in signs or "-" in signs)
        return f"[{'^' if negated else ''}{signs}]"
    sign = match["plain"] or match["escaped"]
    if match["escaped"] is not None and sign.isalnum():
        return _SETS.get(sign)
    if ignore_case and sign.isalpha() and sign.lower() != sign.upper():
        return f"[{sign.lower()}{sign.upper()}]"
    return f"[{sign}]" if sign in "*?[" else sign


def _other_case(signs: str) -> str:
    swapped = signs.swapcase()
    return swapped if swapped != signs else ""


def _like(glob: str) -> str | None:
    """The same as a pattern for LIKE, which does not tell capitals apart; None where it holds a set."""
    plain = re.sub(r"\[([a-z])([A-Z])\]", lambda m: m[1] if m[1].upper() == m[2] else m[0], glob)
    if "[" in plain or "%" in plain or "_" in plain:
        return None
    return plain.replace("*", "%").replace("?", "_")


def _matched(ignore_case: bool | None) -> Rule:
    """A match of a regular expression; None for the case: the dialect's own rule."""

    def write(node: exp.Expr, reading: Reading) -> exp.Expr | None:
        pattern = string(node.expression)
        if pattern is None:
            return None
        # MySQL's collations, the default ones, do not tell capitals apart.
        ignores = reading.reader == "mysql" if ignore_case is None else ignore_case
        flags = string(node.args.get("flag")) or ""
        return _tests(
            node.this, globs(pattern, ignores or "i" in flags, bool(node.args.get("full_match"))), pattern
        )

    return write


def _tests(value: exp.Expr, patterns: list[str] | None, source: str) -> exp.Expr | None:
    if patterns is None:
        return _only(value, source)
    tests: list[exp.Expr] = []
    for pattern in patterns:
        like = _like(pattern)
        folded = re.search(r"\[[a-z][A-Z]\]", pattern) is not None
        if like is not None and (folded or not any(sign.isalpha() for sign in pattern)):
            tests.append(exp.Like(this=operand(value), expression=text(like)))
        else:
            tests.append(exp.Glob(this=operand(value), expression=text(pattern)))
    return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests))


def _only(value: exp.Expr, source: str) -> exp.Expr | None:
    """`^[0-9]+$`: nothing but signs of one set."""
    for name, signs in _POSIX.items():
        source = source.replace(name, signs)
    source = source.replace("\\d", "[0-9]")
    match = re.fullmatch(r"\^(\[[^\[\]^\\][^\[\]\\]*\])(\+|\*)\$", source)
    if match is None:
        return None
    none_else = exp.Not(this=exp.Glob(this=operand(value), expression=text(f"*[^{match[1][1:-1]}]*")))
    if match[2] == "*":
        return exp.Paren(this=none_else)
    filled = exp.NEQ(this=operand(value), expression=text(""))
    return exp.Paren(this=exp.And(this=filled, expression=none_else))


def _similar(node: exp.Expr, reading: Reading) -> exp.Expr | None:
    """SIMILAR TO: LIKE's wildcards with sets and choices, over all of the text."""
    pattern = string(node.expression)
    if pattern is None or "\\" in pattern:
        return None
    source = pattern.replace(".", "\\.").replace("%", ".*").replace("_", ".")
    return _tests(node.this, globs(source, False, whole=True), f"^{source}$")


RULES: Mapping[type[exp.Expr], Rule] = MappingProxyType({
    exp.RegexpLike: _matched(None), exp.RegexpILike: _matched(True), exp.SimilarTo: _similar,
})  # fmt: skip
"""By node."""
