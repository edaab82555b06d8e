"""The words of the trajectory language: what reader and writer must agree on, letter for letter."""

from __future__ import annotations

import re

RESERVED = frozenset(
    "and or not in is like glob regexp match between as asc ascending desc descending case when then else"
    " end over collate nulls null escape filter exists distinct cast true false isnull notnull element"
    " value values by on using kind natural columns offset of_type true false interval current_date"
    " current_time current_timestamp element2 filter2 pattern operation mode function".split()
)
"""Words that a column, table or alias can only be called in backticks."""

STOP_WORDS = frozenset(
    "and or not in is like glob regexp match between as asc ascending desc descending when then else end"
    " over collate nulls escape filter isnull notnull from where having union intersect except".split()
)
"""Words that end an unquoted name of several words, such as `frpm.County Name`."""

AGGREGATES = {
    "count": "count",
    "sum": "sum",
    "avg": "avg",
    "mean": "avg",
    "average": "avg",
    "min": "min",
    "max": "max",
    "minimum": "min",
    "maximum": "max",
    "group_concat": "group_concat",
    "total": "total",
}
"""Aggregates that may stand as a method, with the name they are held under."""

JOINS = {
    "from": "from",
    "from_": "from",
    "join": "inner",
    "inner_join": "inner",
    "innerjoin": "inner",
    "left_join": "left",
    "leftjoin": "left",
    "left_outer_join": "left",
    "right_join": "right",
    "rightjoin": "right",
    "full_join": "full",
    "outer_join": "full",
    "full_outer_join": "full",
    "cross_join": "cross",
    "crossjoin": "cross",
}
"""Methods that bring a source into a frame."""

COMBINES = {
    "union": "union",
    "union_all": "union all",
    "unionall": "union all",
    "intersect": "intersect",
    "intersection": "intersect",
    "except": "except",
    "except_": "except",
    "minus": "except",
    "difference": "except",
}
"""Set operations as methods."""

METHODS = frozenset(
    "where filter orwhere or_where and_where where_not where_exists where_not_exists groupby group_by having"
    " orhaving or_having select select_distinct distinct agg aggregate orderby order_by sort sortby sort_by"
    " limit head top offset values as alias label asc desc is_not_null or and".split()
) | frozenset(AGGREGATES) | frozenset(JOINS) | frozenset(COMBINES)  # fmt: skip
"""Every method of a frame that the reader knows."""

BARE_CALLS = frozenset(("current_date", "current_time", "current_timestamp"))
"""Functions that SQL writes without brackets."""

DATE_PARTS = frozenset(("year", "month", "day", "hour", "minute", "second", "date", "week", "quarter"))
"""Parts of a date that a filter may name in place of its element: `filter = 'year = 1971'`."""

DATABASE_NAMES = frozenset(("df",))
"""Lower-case names of the frame that is the whole database."""

MASK_TEXT = "[MASK]"
"""How a masked name is written."""

PRECEDENCE = {
    "or": 1,
    "and": 2,
    "not": 3,
    "=": 4, "!=": 4, "is": 4, "is not": 4, "like": 4, "not like": 4, "glob": 4, "not glob": 4,
    "regexp": 4, "not regexp": 4, "match": 4, "not match": 4, "in": 4, "between": 4,
    "<": 5, "<=": 5, ">": 5, ">=": 5,
    "&": 6, "|": 6, "<<": 6, ">>": 6,
    "+": 7, "-": 7,
    "*": 8, "/": 8, "%": 8,
    "||": 9, "->": 9, "->>": 9,
    "collate": 10,
    "unary": 11,
}  # fmt: skip
"""How tightly operators bind, as in SQLite (https://sqlite.org/lang_expr.html); `not` is the prefix."""

PLAIN_NAME = re.compile(r"[^\W\d]\w*\Z")
_FRAME_NAME = re.compile(r"(?:df|tmp_?res|tmp_?df|tmp)_?\d*\Z", re.IGNORECASE)
_MASKED_NAME = re.compile(r"\w*(?:\[MASK\d*\]\w*)+\Z")


def is_frame_name(name: str) -> bool:
    """Whether a name reads as a frame's even where no step of that name is known: `df`, `df12`, `tmp_res1`."""
    return bool(_FRAME_NAME.match(name))


def is_masked_name(name: str) -> bool:
    """Whether a name is what models leave of a masked one: `[MASK]`, `max_[MASK]`."""
    return bool(_MASKED_NAME.match(name))
