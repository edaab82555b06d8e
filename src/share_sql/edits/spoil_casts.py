"""The inverses of repairs of casts and of texts that are added, for `edits.spoil`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from share_sql.edits.edit import changed
from share_sql.edits.right import New, Spoil, each


def _unmapped(kind: str) -> exp.DataType:
    """A type as it is spelled: sqlglot writes DATE and DECIMAL as what they should mean."""
    return exp.DataType(this=exp.DType.USERDEFINED, kind=kind)


def _date_cast(node: exp.Expr) -> New:
    other = node.args["low"] if isinstance(node, exp.Between) else node.expression
    is_day = isinstance(other, exp.Literal) and other.is_string and re.match(r"\d{4}-\d\d-\d\d\Z", other.name)
    if not is_day or not isinstance(node.this, exp.Column):
        return []
    return changed(node, this=exp.Cast(this=node.this.copy(), to=_unmapped("DATE")))


def _decimal_cast(node: exp.Expr) -> New:
    left = node.this.unnest()
    while isinstance(left, exp.Mul):
        left = left.this.unnest()
    if not isinstance(left, exp.Cast) or left.to.this not in (exp.DType.FLOAT, exp.DType.DOUBLE):
        return []
    new = node.copy()
    cast = new.this.find(exp.Cast)
    assert cast is not None
    cast.set("to", _unmapped("DECIMAL"))
    return new


def _text_added(node: exp.Expr) -> New:
    parts = list(node.flatten())
    if isinstance(node.parent, exp.DPipe) or not any(isinstance(part, exp.Literal) for part in parts):
        return []
    total = parts[0].copy()
    for part in parts[1:]:
        total = exp.Add(this=total, expression=part.copy())
    return total


CASTS: Mapping[str, Spoil] = {
    "cast-date": each(_date_cast, exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between),
    "cast-decimal": each(_decimal_cast, exp.Div),
    "text-addition": each(_text_added, exp.DPipe),
}
"""By the kind that mends."""
