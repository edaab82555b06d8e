"""The words of the trajectory language: what reader and writer must agree on, letter for letter."""

from __future__ import annotations

import re


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def spellings(words: dict[str, str]) -> dict[str, str]:
    """From each spelling to the word it stands for, where a word's spellings are a text."""
    return {spelling: word for word, text in words.items() for spelling in text.split()}


FILTER_KEYS = word_set("filter filter1 filter2 filter3")
"""Keywords of a where that hold its filter."""

WHERE_KEYS = FILTER_KEYS | word_set(
    "element element1 element2 element3 column value values value1 value2 pattern reference other"
    " other_element subquery operation operator mode method condition in is_not_null"
)
"""Keywords of where and having."""

LIST_KEYS = word_set("element column columns by distinct as key keys")
"""Keywords of select, groupby, distinct and the aggregates."""

AGG_KEYS = word_set("function func element column columns as")
ORDER_KEYS = word_set("by element column columns key order direction")
LIMIT_KEYS = word_set("n limit count offset")
COMBINE_KEYS = word_set("other df frame all")
JOIN_KEYS = word_set("on using natural kind how type as other table columns lateral")
SELECT_KEYS = LIST_KEYS | {"distinct_on"}
NAMED_KEYS = word_set("name columns")
CASE_KEYS = FILTER_KEYS | word_set("when then else default element column")
CALL_KEYS = word_set(
    "element element1 column columns by distinct when then else on value filter operand default"
)
CALL_OPTIONS = word_set("mode year month day sum factor where values pattern null_if to format")

RESERVED = (
    word_set(
        "and or not in is like glob regexp match between as asc ascending desc descending case when then else"
        " end over collate nulls null none escape filter exists distinct cast try_cast convert true false"
        " isnull notnull interval current_date current_time current_timestamp extract if div mod rlike ilike"
        " schema sql using function from where order partition rows range groups e x f"
    )
    | WHERE_KEYS
    | LIST_KEYS
    | AGG_KEYS
    | ORDER_KEYS
    | LIMIT_KEYS - {"count", "n"}
    | COMBINE_KEYS
    | JOIN_KEYS - {"lateral"}
    | NAMED_KEYS - {"name"}
    | CASE_KEYS
)
"""Words that a column, table or alias without a table before it can only be called in backticks."""

STOP_WORDS = word_set(
    "and or not in is like glob regexp match between as asc ascending desc descending when then else end"
    " over collate nulls escape filter isnull notnull from where having union intersect except"
)
"""Words that end an unquoted name of several words, such as `frpm.County Name`."""

AGGREGATES = spellings({
    "count": "count", "sum": "sum", "avg": "avg mean average", "min": "min minimum", "max": "max maximum",
    "group_concat": "group_concat", "total": "total",
})  # fmt: skip
"""Aggregates that may stand as a method, with the name they are held under."""

JOINS = spellings({
    "from": "from from_", "inner": "join inner_join innerjoin", "left": "left_join leftjoin left_outer_join",
    "right": "right_join rightjoin", "full": "full_join outer_join full_outer_join",
    "cross": "cross_join crossjoin",
})  # fmt: skip
"""Methods that bring a source into a frame."""

COMBINES = spellings({
    "union": "union", "union all": "union_all unionall", "intersect": "intersect intersection",
    "except": "except except_ minus difference", "intersect all": "intersect_all", "except all": "except_all",
})  # fmt: skip
"""Set operations as methods."""

RANKS = word_set("row_number rank dense_rank")
"""Window functions that models write as methods behind an ordering."""

VALUE_METHODS = word_set(
    "subtract divide multiply add round abs substr upper lower length coalesce nullif strftime cast"
)
"""Functions that models write behind a value: `df1.select(x).subtract(df2.select(x))`."""

METHODS = (
    word_set(
        "where filter orwhere or_where and_where where_not where_exists where_not_exists or and groupby"
        " group_by having orhaving or_having select select_distinct distinct agg aggregate orderby order_by"
        " sort sortby sort_by limit head top offset values as alias label asc desc is_not_null partition"
        " partitionby partition_by qualify"
    )
    | frozenset(AGGREGATES)
    | frozenset(JOINS)
    | frozenset(COMBINES)
    | VALUE_METHODS
    | RANKS
)
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
    "=": 4, "!=": 4, "is": 4, "is not": 4, "like": 4, "not like": 4, "ilike": 4, "not ilike": 4,
    "glob": 4, "not glob": 4,
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

TESTS = frozenset(op for op, power in PRECEDENCE.items() if power <= PRECEDENCE["<"])
"""Operators that make a condition: those that bind no tighter than comparisons."""

PATTERNS = frozenset(("like", "not like", "ilike", "not ilike", "glob", "not glob", "regexp", "not regexp"))
"""Operators whose right side is a pattern."""

SIGNS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
"""Comparison signs as models write them, with the operator each stands for."""

INFIX = {
    **SIGNS, "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "||": "||", "&": "&", "|": "|",
    "<<": "<<", ">>": ">>", "->": "->", "->>": "->>", "&&": "and", "and": "and", "or": "or",
    "like": "like", "glob": "glob", "regexp": "regexp", "match": "match", "collate": "collate",
    "mod": "%", "rlike": "regexp", "ilike": "ilike",
}  # fmt: skip
"""Infix operators as they are written, with the operator each stands for."""

PLAIN_NAME = re.compile(r"[^\W\d]\w*\Z")
_FRAME_NAME = re.compile(r"(?:df|tmp_?res|tmp_?df|tmp)_?\d*\Z", re.IGNORECASE)
_MASKED_NAME = re.compile(r"\w*(?:\[MASK\d*\]\w*)+\Z")


def is_frame_name(name: str) -> bool:
    """Whether a name reads as a frame's even where no such step is known: `df`, `df12`, `tmp_res1`."""
    return bool(_FRAME_NAME.match(name))


def is_masked_name(name: str) -> bool:
    """Whether a name is what models leave of a masked one: `[MASK]`, `max_[MASK]`."""
    return bool(_MASKED_NAME.match(name))
