"""True and false compared with a column that stores them otherwise: TRUE beside 't' and 'f'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from share_sql.edits.edit import Edit, put
from share_sql.edits.operands import EQUAL, Operand, compared, equals, operand, with_constants
from share_sql.query.examined import Examined
from share_sql.requests import Steps

_PAIRS = (("t", "f"), ("true", "false"), ("y", "n"), ("yes", "no"), ("1", "0"))
"""How true and false are stored; capitals do not count."""
TRUTH_WORDS = {word: at == 0 for pair in _PAIRS for at, word in enumerate(pair)}
"""Words for true and false, in small letters."""


class _Stored(NamedTuple):
    """How a column stores true and false."""

    true: object
    false: object

    @property
    def is_number(self) -> bool:
        """Whether the two are read as true and false."""
        return str(self.true) == "1"

    def constant(self, truth: bool) -> exp.Expr:
        """True or false as it is stored."""
        return exp.convert(self.true if truth else self.false)


def truth_literals(draft: Examined) -> Steps[list[Edit]]:
    """For each comparison with true or false, and each column that stands as a condition: what the column
    stores for it, where its values are exactly one known pair and the constant is none of them."""
    for found in compared(draft):
        truths = [truth(constant) for constant in found.constants]
        if None in truths or not isinstance(found.node, (*EQUAL, exp.In, exp.Is, exp.Case)):
            continue
        read = operand(draft, found.operand)
        if read is None or _never(read):
            continue
        # What is stored is found at once; the values of a large column are read only where nothing is.
        if not (yield from read.stores_none(found.constants)):
            continue
        stored = yield from _pair(read)
        if stored is None or (stored.is_number and isinstance(found.node, exp.Is)):
            continue
        new = [stored.constant(bool(truth)) for truth in truths]
        shown = ", ".join(draft.text(constant) for constant in new)
        message = f"{read.title} stores true and false as {stored.true!r} and {stored.false!r}: {shown}"
        return [Edit("literal-truth", message, with_constants(draft, found, new))]
    return (yield from _bare_columns(draft))


def _never(read: Operand) -> bool:
    """Whether its type leaves nothing to ask: a column of whole numbers that is compared with 1 or TRUE would
    be asked for each time."""
    declared = read.declared
    return declared is not None and any(part in declared for part in ("REAL", "FLOA", "DOUB"))


def truth(constant: exp.Expr) -> bool | None:
    """What a constant says; None where that is not true or false."""
    if isinstance(constant, exp.Boolean):
        return bool(constant.this)
    return TRUTH_WORDS.get(str(constant.this).casefold()) if isinstance(constant, exp.Literal) else None


def _pair(read: Operand) -> Steps[_Stored | None]:
    """How the operand's values say true and false; None where they are not exactly one known pair."""
    values = yield from read.values(2)
    if values is None or len(values) != 2 or any(isinstance(value, bytes) for value in values):
        return None
    words = {str(value).casefold(): value for value in values}
    return next((_Stored(words[t], words[f]) for t, f in _PAIRS if words.keys() == {t, f}), None)


def _bare_columns(draft: Examined) -> Steps[list[Edit]]:
    """`WHERE flag`, `WHERE NOT flag` and `SUM(flag)` over text: text is read as the number 0, or refused."""
    for node, condition, truth in _conditions(draft):
        read = operand(draft, node)
        if read is None or _is_numeric(read):
            continue
        stored = yield from _pair(read)
        if stored is None or stored.is_number:
            continue
        test = equals(node.copy(), stored.constant(truth))
        message = f"{read.title} is text, which is never true; it is compared with {stored.constant(truth)}"
        return [Edit("literal-truth", message, put(draft, condition, test))]
    return []


def _is_numeric(read: Operand) -> bool:
    declared = read.declared
    return declared is not None and any(part in declared for part in ("INT", "REAL", "FLOA", "DOUB"))


def _conditions(draft: Examined) -> Iterator[tuple[exp.Column, exp.Expr, bool]]:
    """Columns that stand for a condition: each with the node to replace and the truth that is meant."""
    for bound in draft.binding.names.values():
        node, parent = bound.node, bound.node.parent
        if isinstance(parent, exp.Not):
            yield node, parent, False
        elif isinstance(parent, exp.Where | exp.And | exp.Or | exp.Sum | exp.Avg) or (
            isinstance(parent, exp.If | exp.Join)
            and node.arg_key in ("this", "on")
            and not _has_operand(parent)
        ):
            yield node, node, True


def _has_operand(branch: exp.Expr) -> bool:
    """Whether a branch belongs to `CASE x WHEN …`, where it is a value and no condition."""
    return isinstance(branch.parent, exp.Case) and branch.parent.this is not None
