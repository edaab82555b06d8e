"""Filters: from `element = T.c, filter = '> 5'` to an ordinary condition.

A filter's text is one of: a plain value (`'Alameda'`), a comparison without its left side (`'> 5'`,
`'like 2012%'`, `'between 1 and 5'`, `'is null'`, `"in ('a', 'b')"`), several of them joined by and/or, or
a whole condition that speaks of the element by its name, by `_` or by a part of a date
(`'year = 1971'`). A text that fits none of these is a plain value; the writer puts `= '…'` around the
plain values that would be taken for something else.
"""

from __future__ import annotations

import re
from functools import reduce

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, tokenize, unquote
from share_sql.trajectory.reading.cursor import (
    MAX_CHAIN,
    Cursor,
    TooDeep,
    Unreadable,
    as_frame,
    items_of,
)
from share_sql.trajectory.words import (
    DATE_PARTS,
    PATTERNS,
    PLAIN_NAME,
    SIGNS,
    TESTS,
    is_frame_name,
    is_masked_name,
)

MAX_FILTER = 20_000
"""Longer filter texts are plain values."""

_SIGN = re.compile(r"\s*(<=|>=|<>|!=|==|=|<|>)\s*(?![<>=!])")
_WORD = re.compile(
    r"\s*(is\s+null|is\s+not\s+null|not\s+null|not\s+empty"
    r"|(?:is\s+)?not\s+(?:like|in|between|glob|regexp)|like|in|between|glob|regexp|contains|is\s+not|is"
    r"|not\s+equals?|equals?)(?![\w.-])",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"[\s(]*(?:_|[A-Za-z]\w*)\s*(?:[(<>=!]|\b(?:is|in|like|between|not)\b)|.*`", re.IGNORECASE
)
_JOINED = re.compile(
    r"(?<!\s)\s+(and|or)\s+(?=[<>=!*(]|(?:is|not|in|like|between|glob|null)\b|\w+\s*(?:[<>=!(]|\b(?:is|like|between|in|not)\b))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z")
_EXPRESSION_LIKE = re.compile(r"[.(`\[*+/|-]|_|\d\s+[a-z]|current_|\Adf\d|\bnull\b", re.IGNORECASE)
OPERATOR_WORDS = {
    "equals": "=", "equal": "=", "eq": "=", "not equals": "!=", "not equal": "!=", "greater than": ">",
    "gt": ">", "less than": "<", "lt": "<", "is": "is", "is not": "is not", "is not like": "not like",
    **SIGNS, **{word: word for word in PATTERNS},
}  # fmt: skip
_WITHOUT_VALUE = {
    "is null": ("is", None), "is not null": ("is not", None), "not null": ("is not", None),
    "not empty": ("!=", ""),
}  # fmt: skip
_SCALARS = frozenset(("min", "max", "avg", "sum", "count"))


class NotAFilter(Exception):
    """The text is a plain value."""


def is_test(value: n.Expr) -> bool:
    """Whether an expression is a condition on its own."""
    if isinstance(value, n.Binary):
        return value.op in TESTS
    return isinstance(value, n.Between | n.In | n.Exists) or (
        isinstance(value, n.Unary) and value.op == "not"
    )


def frame_of(value: n.Expr) -> n.Frame | None:
    """The frame that a value is, in brackets or not; None for anything else."""
    if isinstance(value, n.Tuple) and len(value.items) == 1:
        value = value.items[0]
    return as_frame(value)


def read_filter(parser: Cursor, text: str, element: n.Expr) -> n.Expr:
    """Read a filter's text as a condition on the element.

    Args:
        parser: gives the context (steps, schema).
        text: the filter, without its quotes.
        element: what is tested.

    Returns:
        The condition; equality with the text where the text is a plain value.
    """
    if len(text) > MAX_FILTER:
        return n.Binary("=", element, n.Literal(text))
    try:
        return joined(parser, text, element)
    except NotAFilter:
        return n.Binary("=", element, n.Literal(text))


def joined(parser: Cursor, text: str, element: n.Expr) -> n.Expr:
    """Read one test, or several joined by and/or; `and` binds tighter."""
    if _SIGN.match(text) or _WORD.match(text):
        pieces = split_joined(text)
        if len(pieces) > 1:
            return combine(parser, pieces, element)
        return test(parser, text, element)
    if not _WHOLE.match(text):
        raise NotAFilter
    return whole(parser, text, element)


def split_joined(text: str) -> list[str]:
    """Cut at and/or outside quotes and brackets: test, word, test, …"""
    if " and " not in (low := text.lower()) and " or " not in low:
        return [text]
    pieces: list[str] = []
    at = 0
    between = bool(re.search(r"\bbetween\b", low))
    for match in _JOINED.finditer(text):
        before = text[at : match.start()]
        open_between = re.search(r"\bbetween\b(?!.*\band\b)", before, re.I | re.S)
        if between and match[1].lower() == "and" and open_between:
            continue
        if before.count("(") != before.count(")") or before.count("'") % 2 or before.count('"') % 2:
            continue
        pieces += [before, match[1].lower()]
        at = match.end()
    return [*pieces, text[at:]]


def combine(parser: Cursor, pieces: list[str], element: n.Expr) -> n.Expr:
    """Tests joined by and/or, as one condition."""
    if len(pieces) > MAX_CHAIN:
        raise TooDeep
    ors: list[n.Expr] = []
    for index in range(0, len(pieces), 2):
        piece = pieces[index]
        if _SIGN.match(piece) or _WORD.match(piece):
            part = test(parser, piece, element)
        elif _WHOLE.match(piece):
            part = whole(parser, piece, element)
        elif piece.strip().lower() == "null":
            part = n.Binary("is", element, n.Literal(None))
        elif index and re.fullmatch(r"\s*(?:\*|'[^']*'|\"[^\"]*\"|-?[\d.]+)\s*", piece):
            part = n.Binary("=", element, value_of(parser, piece, "="))  # `is null or *`
        else:
            raise NotAFilter
        if index and pieces[index - 1] == "and":
            ors[-1] = n.Binary("and", ors[-1], part)
        else:
            ors.append(part)
    return reduce(lambda left, right: n.Binary("or", left, right), ors)


def test(parser: Cursor, text: str, element: n.Expr) -> n.Expr:
    """Read one comparison that lacks its left side."""
    sign = _SIGN.match(text)
    if sign:
        rest = text[sign.end() :].strip()
        if not rest:
            raise NotAFilter
        return n.Binary(SIGNS[sign[1]], element, value_of(parser, rest, SIGNS[sign[1]]))
    match = _WORD.match(text)
    if not match:
        raise NotAFilter
    word = " ".join(match[1].lower().split())
    rest = text[match.end() :].strip()
    if bool(rest) == (word in _WITHOUT_VALUE):
        raise NotAFilter
    if word in _WITHOUT_VALUE:
        op, value = _WITHOUT_VALUE[word]
        return n.Binary(op, element, n.Literal(value))
    word = word.removeprefix("is ") if word.startswith("is not ") else word
    if word in ("in", "not in"):
        return n.In(element, choices_of(parser, rest), word == "not in")
    if word in ("between", "not between"):
        return bounds_of(parser, rest, element, word == "not between")
    if word == "contains":
        if match[1] != "contains":
            raise NotAFilter
        return n.Binary("like", element, n.Literal(f"%{_text(rest)}%"))
    if word in PATTERNS:
        return n.Binary(word, element, pattern_of(parser, rest))
    if word in ("is", "is not"):
        found = value_of(parser, rest, "=")
        sentence = isinstance(found, n.Literal) and isinstance(found.value, str) and rest[0] not in "'\""
        if word == "is" and sentence:
            raise NotAFilter
        return n.Binary(word, element, found)
    if word in OPERATOR_WORDS:
        return n.Binary(OPERATOR_WORDS[word], element, value_of(parser, rest, "="))
    raise NotAFilter


def _text(rest: str) -> str:
    return unquote(rest) if _is_quoted(rest) else rest


def _is_quoted(text: str) -> bool:
    """Whether the whole text is one quoted string."""
    if len(text) < 2 or text[-1] not in "'\"":
        return False
    mark = text[-1]
    start = 2 if text[0] in "eE" and text[1] == "'" else 1
    if text[start - 1] != mark:
        return False
    tokens = tokenize(text)
    return tokens.kinds[0] == "s" and tokens.kinds[1] == END


def pattern_of(parser: Cursor, rest: str) -> n.Expr:
    """What stands after like: a quoted pattern, an unquoted one, or an expression."""
    if _is_quoted(rest):
        return n.Literal(unquote(rest))
    if ("%" not in rest and re.search(r"[|(.\[]", rest)) or "||" in rest:
        found = parse_all(parser, rest)
        if found is not None and _understood(parser, found):
            return found
    return n.Literal(rest)


def value_of(parser: Cursor, rest: str, op: str) -> n.Expr:
    """What stands after a comparison sign: number, quoted text, expression, or else the text itself."""
    rest = rest.strip()
    if _NUMBER.match(rest):
        return n.Literal.number(rest.lstrip("+"))
    if _is_quoted(rest):
        return n.Literal(unquote(rest))
    low = rest.lower()
    if low in ("null", "none"):
        return n.Literal(None)
    if PLAIN_NAME.match(rest):
        if low in parser.context.steps or is_frame_name(rest):
            return n.Frame(rest)
        if low in ("current_date", "current_timestamp", "current_time"):
            return n.Call(low)
        if low in ("true", "false"):
            return n.Literal(low == "true")
        known = parser.context.known
        if op in ("<", "<=", ">", ">=") and (known is None or low in known.columns or "_" in rest):
            return n.ColumnRef(None, rest)
        return n.ColumnRef(None, rest) if "_" in rest and known and low in known.columns else n.Literal(rest)
    if _EXPRESSION_LIKE.search(rest):
        found = parse_all(parser, rest)
        if found is not None and _understood(parser, found):
            return found
    return n.Literal(rest)


def choices_of(parser: Cursor, rest: str) -> tuple[n.Expr, ...] | n.Frame:
    """What stands after in: `('a', 'b')`, `(1, 2)`, `(A, C)`, `(df1)`, `df1.School Name`."""
    frame = parse_all(parser, rest)
    if frame is not None:
        items = items_of(frame)
        if len(items) == 1:
            found = frame_of(items[0])
            if found is not None:
                return found
        if all(_understood(parser, item) for item in items):
            return items
    inner = rest
    if rest[0] in "([" and rest[-1] in ")]":
        inner = rest[1:-1]
    elif rest[0] not in "'\"" and not re.fullmatch(r"[\w.-]+(?:\s*,\s*[\w.-]+)+", rest):
        raise NotAFilter
    if "(" in inner or not inner.strip():
        raise NotAFilter
    return tuple(value_of(parser, part.strip(), "=") for part in inner.split(",") if part.strip())


def bounds_of(parser: Cursor, rest: str, element: n.Expr, negated: bool) -> n.Expr:
    """What stands after between: `1 and 5`, `'a' and 'b'`, `2019-03-15 and 2020-03-20`."""
    parts = [part.strip() for part in re.split(r"(?<=\s)and(?=\s)|&", rest, flags=re.IGNORECASE)]
    if len(parts) != 2:
        found = parse_all(parser, "_ between " + rest)
        if isinstance(found, n.Between):
            return n.Between(element, found.low, found.high, negated)
        parts = [part for part in rest.strip("()").split(",") if part.strip()]
        if len(parts) != 2:
            raise NotAFilter
    low, high = (value_of(parser, part, "=") for part in parts)
    return n.Between(element, low, high, negated)


def whole(parser: Cursor, text: str, element: n.Expr) -> n.Expr:
    """Read a condition that speaks of the element itself."""
    found = parse_all(parser, text)
    if found is None:
        raise NotAFilter
    found, spoken = with_element(found, element)
    if is_test(found) and (spoken or _calls_only_known(found)):
        return found
    if spoken and isinstance(found, n.Call):
        return found
    aggregate = isinstance(found, n.Call) and found.name in _SCALARS and _understood(parser, found)
    if aggregate:
        return n.Binary("=", element, found)
    raise NotAFilter


def with_element(condition: n.Expr, element: n.Expr) -> tuple[n.Expr, bool]:
    """Put the element where the condition names it; also tells whether it did."""
    name = element.name.lower() if isinstance(element, n.ColumnRef) else None
    if isinstance(element, n.Call) and len(element.args) == 1 and isinstance(element.args[0], n.ColumnRef):
        name = element.args[0].name.lower()
    spoken = False
    tests = _tests(condition)

    def change(node: object) -> n.Expr:
        nonlocal spoken
        if isinstance(node, n.ColumnRef) and node.table is None:
            low = node.name.lower()
            if low == "_" or low == name:
                spoken = True
                return element
        if isinstance(node, n.Call) and node.name == "strftime" and len(node.args) == 1:
            spoken = True
            return n.Call("strftime", (node.args[0], element))
        if isinstance(node, n.Binary) and isinstance(node.left, n.ColumnRef) and node in tests:
            low = node.left.name.lower()
            if node.left.table is None and (low in DATE_PARTS or low == "age"):
                spoken = True
                return n.Binary(node.op, n.Call(low, (element,)), node.right)
        return node  # type: ignore[return-value]

    changed = condition.transform(change)
    if isinstance(element, n.ColumnRef):
        spoken = spoken or element in set(changed.walk())
    return changed, spoken  # type: ignore[return-value]


def _tests(condition: n.Expr) -> set[n.Expr]:
    """The comparisons that a condition is made of."""
    if isinstance(condition, n.Binary) and condition.op in ("and", "or"):
        return _tests(condition.left) | _tests(condition.right)
    return {condition}


def _calls_only_known(condition: n.Expr) -> bool:
    """Whether a condition that does not name the element is surely one: a function or a table's column."""
    nodes = list(condition.walk())
    named = any(isinstance(node, n.ColumnRef) and node.table is not None for node in nodes)
    bare = any(isinstance(node, n.ColumnRef) and node.table is None for node in nodes)
    masked = any(isinstance(node, n.Mask) for node in nodes)
    called = any(isinstance(node, n.Call | n.Cast) for node in nodes)
    return (named or masked or called) and not (bare and not called)


def _understood(parser: Cursor, value: n.Expr) -> bool:
    """Whether an expression read from unquoted text is surely one and not a sentence."""
    known = parser.context.known
    for node in value.walk():
        if isinstance(node, n.ColumnRef):
            if node.table is None:
                if known is not None and node.name.lower() in known.columns:
                    continue
                if not (
                    PLAIN_NAME.match(node.name) and ("_" in node.name or isinstance(value, n.Binary | n.Call))
                ):
                    return False
            elif (" " in node.name and known is None and not re.search(r"[A-Z(]", node.name)) or (
                known is not None
                and node.table.lower() not in known.tables
                and node.name.lower() not in known.columns  # `T2.won`: a join's alias and a known column
                and not is_masked_name(node.table)
            ):
                return False
        if isinstance(node, n.Raw):
            return False
    if isinstance(
        value, n.Literal | n.FrameColumn | n.Frame | n.Mask | n.Call | n.Cast | n.ColumnRef | n.Case
    ):
        return True
    if isinstance(value, n.Binary):
        # `2012-01-01` and `20-25` are texts; arithmetic needs a name or a call in it.
        return any(
            isinstance(node, n.ColumnRef | n.Mask | n.Frame | n.FrameColumn | n.Call) for node in value.walk()
        ) or (value.op in "*/+" and not is_test(value))
    return isinstance(value, n.Tuple)


def parse_all(parser: Cursor, text: str) -> n.Expr | None:
    """Parse a whole text as one expression; None where it is not one."""
    inner = type(parser)(tokenize(text), parser.context)
    inner.depth = parser.depth + 1
    notes = len(parser.context.notes)
    try:
        found = inner.expression()
    except Unreadable:
        del parser.context.notes[notes:]
        return None
    if inner.kinds[inner.at] != END or inner.raws:
        del parser.context.notes[notes:]
        return None
    return found
