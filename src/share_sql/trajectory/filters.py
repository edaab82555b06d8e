"""Filters: from `element = T.c, filter = '> 5'` to an ordinary condition.

A filter's text is one of: a plain value (`'Alameda'`), a comparison without its left side (`'> 5'`,
`'like 2012%'`, `'between 1 and 5'`, `'is null'`, `"in ('a', 'b')"`), several of them joined by and/or, or
a whole condition that speaks of the element by its name, by `_` or by a part of a date
(`'year = 1971'`). A text that fits none of these is a plain value; the writer puts `= '…'` around the
plain values that would be taken for something else (`reads_as_value` tells it which).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from share_sql.trajectory.lexer import END, tokenize, unquote
from share_sql.trajectory.nodes import (
    Between, Binary, Call, Case, Cast, ColumnRef, Exists, Expr, Frame, FrameColumn, In, Literal, Mask, Raw, Tuple,
    Unary,
)  # fmt: skip
from share_sql.trajectory.words import DATE_PARTS, is_frame_name, is_masked_name

if TYPE_CHECKING:
    from share_sql.trajectory.expressions import Arg, ExpressionParser

MAX_FILTER = 20_000
"""Longer filter texts are plain values."""

_SIGNS = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
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
    r"\s+(and|or)\s+(?=[<>=!*(]|(?:is|not|in|like|between|glob|null)\b|\w+\s*(?:[<>=!(]|\b(?:is|like|between|in|not)\b))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\Z")
_BARE = re.compile(r"[^\W\d]\w*\Z")
_EXPRESSION_LIKE = re.compile(r"[.(`\[*+/|-]|_|\d\s+[a-z]|current_|\Adf\d|\bnull\b", re.IGNORECASE)
_OPERATOR_WORDS = {
    "equals": "=", "equal": "=", "eq": "=", "is": "is", "is not": "is not", "like": "like", "not like": "not like",
    "is not like": "not like", "glob": "glob", "not glob": "not glob", "regexp": "regexp", "gt": ">", "lt": "<",
    "not regexp": "not regexp", "not equals": "!=", "not equal": "!=", "greater than": ">", "less than": "<",
    **_SIGNS,
}  # fmt: skip
_MODES = {"lower": "lower", "iexact": "lower", "upper": "upper", "nocase": "lower", "ignorecase": "lower"}


class NotAFilter(Exception):  # noqa: N818
    """The text is a plain value."""


def condition_of(parser: ExpressionParser, args: list[Arg]) -> Expr:
    """Build the condition that a where's arguments say.

    Args:
        parser: the parser that read them.
        args: in order; keywords as written.

    Returns:
        The condition.

    Raises:
        Unreadable: the arguments make no sense together.
    """
    found: Expr | None = None
    connective = "and"
    element: Expr | None = None
    filter_arg: Arg | None = None
    extras: list[Arg] = []

    from share_sql.trajectory.expressions import Arg

    def flush() -> None:
        nonlocal found, filter_arg, extras, connective
        if element is None:
            raise parser.fail()
        part = one_condition(parser, element, filter_arg, extras)
        found = part if found is None else Binary(connective, found, part)
        filter_arg, extras, connective = None, [], "and"

    for arg in args:
        if isinstance(arg.value, Raw):
            raise parser.fail()
        keyword = arg.keyword
        if keyword in ("operation", "operator", "method"):
            word = arg.value.value if isinstance(arg.value, Literal) else None
            if not isinstance(word, str) or word.lower() not in ("and", "or"):
                raise parser.fail()
            flush()
            connective, element = word.lower(), None
        elif keyword == "is_not_null" and element is not None and arg.value == Literal(True):
            again = element
            flush()
            element, filter_arg = again, Arg("filter", Literal("is not null"), True)
        elif keyword == "mode":
            element = with_mode(parser, element, arg.value)
        elif keyword is not None and keyword.startswith("filter"):
            if element is None:
                raise parser.fail()
            if filter_arg is not None:
                again = element
                flush()
                element = again
            filter_arg = arg
        elif keyword == "in" and filter_arg is None:
            filter_arg = Arg("filter", Literal("in"), True)
            extras.append(Arg("value", arg.value, arg.quoted, arg.bracketed))
        elif keyword is not None and keyword not in _ELEMENT_KEYS:
            extras.append(arg)
        elif element is None:
            element = element_of(parser, arg)
        elif filter_arg is None and keyword is None and not _is_test(arg.value):
            filter_arg = arg
        elif keyword is None and filter_arg is not None and _wants_value(filter_arg):
            extras.append(arg)
        elif filter_arg is not None and _wants_value(filter_arg) and not extras:
            extras.append(arg)
        elif keyword is None and filter_arg is not None and _is_constant(filter_arg) and _is_constant(arg):
            # `filter = 'a', 'b'`: one of them
            filter_arg = Arg("filter", Tuple((*items_in(filter_arg), arg.value)), False, True)
        elif keyword is None and (filter_arg is not None or not _is_test(element)):
            raise parser.fail()
        else:
            flush()
            element = element_of(parser, arg)
    flush()
    assert found is not None  # noqa: S101
    return found


def items_in(arg: Arg) -> tuple[Expr, ...]:
    """The items of a list, or the single value."""
    return arg.value.items if isinstance(arg.value, Tuple) else (arg.value,)


def _is_constant(arg: Arg) -> bool:
    return all(isinstance(item, Literal) for item in items_in(arg))


_ELEMENT_KEYS = frozenset(("element", "element1", "element2", "element3", "column", "condition"))


def element_of(parser: ExpressionParser, arg: Arg) -> Expr:
    """The tested element; a quoted one is read as if it were not quoted."""
    value = arg.value
    if arg.quoted and isinstance(value, Literal) and isinstance(value.value, str):
        inner = parse_all(parser, value.value)
        if inner is None:
            raise parser.fail()
        return inner
    if isinstance(value, Tuple) and arg.bracketed and len(value.items) == 1:
        return value.items[0]
    return value


def with_mode(parser: ExpressionParser, element: Expr | None, mode: Expr) -> Expr:
    """The element seen through `mode = 'lower'` or `mode = 'year'`."""
    word = mode.value.lower() if isinstance(mode, Literal) and isinstance(mode.value, str) else ""
    function = _MODES.get(word) or (word if word in DATE_PARTS else None)
    if element is None or function is None:
        raise parser.fail()
    return Call(function, (element,))


def _is_test(value: Expr) -> bool:
    """Whether an expression is a condition on its own."""
    if isinstance(value, Binary):
        return value.op in _TEST_OPS or value.op in ("and", "or")
    return isinstance(value, Between | In | Exists) or (isinstance(value, Unary) and value.op == "not")


_TEST_OPS = frozenset(
    ("=", "!=", "<", "<=", ">", ">=", "is", "is not", "like", "not like", "glob", "not glob", "regexp", "not regexp",
     "match", "not match")
)  # fmt: skip


def _wants_value(arg: Arg) -> bool:
    """Whether a filter is an operator alone, with its value in a further argument."""
    if not arg.quoted or not isinstance(arg.value, Literal) or not isinstance(arg.value.value, str):
        return False
    word = " ".join(arg.value.value.lower().split())
    return word in _OPERATOR_WORDS or word in _VALUE_WORDS


_VALUE_WORDS = frozenset(("in", "not in", "between", "not between", "contains")) | DATE_PARTS


def one_condition(parser: ExpressionParser, element: Expr, filter_arg: Arg | None, extras: list[Arg]) -> Expr:
    """The condition of one element, its filter and the further values."""
    if filter_arg is None:
        if not extras:
            return element
        if len(extras) == 1 and extras[0].keyword in ("value", "subquery"):
            return Binary("=", element, extras[0].value)
        if all(arg.keyword == "values" for arg in extras):
            return member(element, extras, False)
        raise parser.fail()
    value = filter_arg.value
    text = value.value if filter_arg.quoted and isinstance(value, Literal) else None
    if extras:
        if not isinstance(text, str):
            raise parser.fail()
        return with_values(parser, element, " ".join(text.lower().split()), extras)
    if isinstance(text, str):
        return read_filter(parser, text, element)
    if isinstance(value, Binary) and value.op == "+" and isinstance(value.left, Literal):
        sign = value.left.value  # `filter = '> ' + df1`
        if isinstance(sign, str) and sign.strip() in _SIGNS:
            return Binary(_SIGNS[sign.strip()], element, value.right)
    if filter_arg.bracketed and isinstance(value, Tuple):
        return In(element, value.items)
    if _is_test(value) and not _speaks_of_columns(value):
        return value
    return Binary("=", element, value)


def _speaks_of_columns(value: Expr) -> bool:
    return not any(isinstance(node, ColumnRef | Mask) for node in value.walk())


def with_values(parser: ExpressionParser, element: Expr, word: str, extras: list[Arg]) -> Expr:
    """The condition of an operator whose value stands in its own argument."""
    value = extras[0].value
    if word in ("in", "not in"):
        return member(element, extras, word == "not in")
    if word in ("between", "not between"):
        bounds = [item for arg in extras for item in _flat(arg)]
        if len(bounds) != 2:
            raise parser.fail()
        return Between(element, bounds[0], bounds[1], word == "not between")
    if len(extras) != 1:
        raise parser.fail()
    if word in DATE_PARTS:
        part = Call(word, (element,))
        if extras[0].quoted and isinstance(value, Literal):
            return read_filter(parser, str(value.value), part)
        return Binary("=", part, value)
    if word == "contains":
        if not (isinstance(value, Literal) and isinstance(value.value, str)):
            raise parser.fail()
        return Binary("like", element, Literal(f"%{value.value}%"))
    if word not in _OPERATOR_WORDS:
        raise parser.fail()
    return Binary(_OPERATOR_WORDS[word], element, value)


def member(element: Expr, extras: list[Arg], negated: bool) -> Expr:
    """`element [not] in (…)` from one frame, one list or several values."""
    if len(extras) == 1:
        frame = _frame_of(extras[0].value)
        if frame is not None:
            return In(element, frame, negated)
    return In(element, tuple(item for arg in extras for item in _flat(arg)), negated)


def _frame_of(value: Expr) -> Frame | None:
    from share_sql.trajectory.expressions import as_frame

    if isinstance(value, Tuple) and len(value.items) == 1:
        value = value.items[0]
    return as_frame(value)


def _flat(arg: Arg) -> tuple[Expr, ...]:
    return arg.value.items if isinstance(arg.value, Tuple) else (arg.value,)


# ------------------------------------------------------------------------ filter texts


def read_filter(parser: ExpressionParser, text: str, element: Expr) -> Expr:
    """Read a filter's text as a condition on the element.

    Args:
        parser: gives the context (steps, schema).
        text: the filter, without its quotes.
        element: what is tested.

    Returns:
        The condition; equality with the text where the text is a plain value.
    """
    if len(text) > MAX_FILTER:
        return Binary("=", element, Literal(text))
    try:
        return joined(parser, text, element)
    except NotAFilter:
        return Binary("=", element, Literal(text))


def reads_as_value(parser: ExpressionParser, text: str) -> bool:
    """Whether a filter of this text is read as the plain value it is."""
    return read_filter(parser, text, Mask()) == Binary("=", Mask(), Literal(text))


def joined(parser: ExpressionParser, text: str, element: Expr) -> Expr:
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
        if (
            between
            and match[1].lower() == "and"
            and not re.search(r"\bbetween\b.*\band\b", before, re.I | re.S)
        ):
            if re.search(r"\bbetween\b", before, re.I):
                continue
        if before.count("(") != before.count(")") or before.count("'") % 2 or before.count('"') % 2:
            continue
        pieces += [before, match[1].lower()]
        at = match.end()
    return [*pieces, text[at:]]


def combine(parser: ExpressionParser, pieces: list[str], element: Expr) -> Expr:
    """Tests joined by and/or, as one condition."""
    from share_sql.trajectory.expressions import MAX_CHAIN, TooDeep

    if len(pieces) > MAX_CHAIN:
        raise TooDeep
    ors: list[Expr] = []
    for index in range(0, len(pieces), 2):
        piece = pieces[index]
        if _SIGN.match(piece) or _WORD.match(piece):
            part = test(parser, piece, element)
        elif _WHOLE.match(piece):
            part = whole(parser, piece, element)
        elif piece.strip().lower() == "null":
            part = Binary("is", element, Literal(None))
        elif index and re.fullmatch(r"\s*(?:\*|'[^']*'|\"[^\"]*\"|-?[\d.]+)\s*", piece):
            part = Binary("=", element, value_of(parser, piece, "="))  # `is null or *`
        else:
            raise NotAFilter
        if index and pieces[index - 1] == "and":
            ors[-1] = Binary("and", ors[-1], part)
        else:
            ors.append(part)
    found = ors[0]
    for part in ors[1:]:
        found = Binary("or", found, part)
    return found


def test(parser: ExpressionParser, text: str, element: Expr) -> Expr:
    """Read one comparison that lacks its left side."""
    sign = _SIGN.match(text)
    if sign:
        rest = text[sign.end() :].strip()
        if not rest:
            raise NotAFilter
        return Binary(_SIGNS[sign[1]], element, value_of(parser, rest, _SIGNS[sign[1]]))
    match = _WORD.match(text)
    if not match:
        raise NotAFilter
    word = " ".join(match[1].lower().split())
    rest = text[match.end() :].strip()
    if word in ("is null", "is not null", "not null"):
        if rest:
            raise NotAFilter
        return Binary("is" if word == "is null" else "is not", element, Literal(None))
    if word == "not empty":
        if rest:
            raise NotAFilter
        return Binary("!=", element, Literal(""))
    if not rest:
        raise NotAFilter
    word = word.removeprefix("is ") if word.startswith("is not ") else word
    if word in ("in", "not in"):
        return In(element, choices_of(parser, rest), word == "not in")
    if word in ("between", "not between"):
        return bounds_of(parser, rest, element, word == "not between")
    if word == "contains":
        if match[1] != "contains":
            raise NotAFilter
        return Binary("like", element, Literal(f"%{_text(rest)}%"))
    if word in ("like", "not like", "glob", "not glob", "regexp", "not regexp"):
        return Binary(word, element, pattern_of(parser, rest))
    if word in ("is", "is not"):
        value = value_of(parser, rest, "=")
        if value == Literal(None) or not isinstance(value, Literal):
            return Binary(word, element, value)
        if rest[0] in "'\"" or word == "is not" or isinstance(value.value, int | float):
            return Binary(word, element, value)
        raise NotAFilter  # 'is …' without quotes is more likely a sentence
    if word in _OPERATOR_WORDS:
        return Binary(_OPERATOR_WORDS[word], element, value_of(parser, rest, "="))
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


def pattern_of(parser: ExpressionParser, rest: str) -> Expr:
    """What stands after like: a quoted pattern, an unquoted one, or an expression."""
    if _is_quoted(rest):
        return Literal(unquote(rest))
    if "%" not in rest and re.search(r"[|(.\[]", rest):
        found = parse_all(parser, rest)
        if found is not None and _understood(parser, found):
            return found
    elif "||" in rest:
        found = parse_all(parser, rest)
        if found is not None and _understood(parser, found):
            return found
    return Literal(rest)


def value_of(parser: ExpressionParser, rest: str, op: str) -> Expr:
    """What stands after a comparison sign: number, quoted text, expression, or else the text itself."""
    rest = rest.strip()
    if _NUMBER.match(rest):
        from share_sql.trajectory.expressions import number

        return number(rest.lstrip("+"))
    if _is_quoted(rest):
        return Literal(unquote(rest))
    low = rest.lower()
    if low in ("null", "none"):
        return Literal(None)
    if _BARE.match(rest):
        if low in parser.context.steps or is_frame_name(rest):
            return Frame(rest)
        if low in ("current_date", "current_timestamp", "current_time"):
            return Call(low)
        if low in ("true", "false"):
            return Literal(low == "true")
        known = parser.context.known
        if op in ("<", "<=", ">", ">=") and (known is None or low in known.columns or "_" in rest):
            return ColumnRef(None, rest)
        return ColumnRef(None, rest) if "_" in rest and known and low in known.columns else Literal(rest)
    if _EXPRESSION_LIKE.search(rest):
        found = parse_all(parser, rest)
        if found is not None and _understood(parser, found):
            return found
    return Literal(rest)


def choices_of(parser: ExpressionParser, rest: str) -> tuple[Expr, ...] | Frame:
    """What stands after in: `('a', 'b')`, `(1, 2)`, `(A, C)`, `(df1)`, `df1.School Name`."""
    frame = parse_all(parser, rest)
    if frame is not None:
        items = frame.items if isinstance(frame, Tuple) else (frame,)
        if len(items) == 1:
            found = _frame_of(items[0])
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


def bounds_of(parser: ExpressionParser, rest: str, element: Expr, negated: bool) -> Expr:
    """What stands after between: `1 and 5`, `'a' and 'b'`, `2019-03-15 and 2020-03-20`."""
    parts = re.split(r"\s+and\s+|\s*&\s*", rest, flags=re.IGNORECASE)
    if len(parts) != 2:
        found = parse_all(parser, "_ between " + rest)
        if isinstance(found, Between):
            return Between(element, found.low, found.high, negated)
        parts = [part for part in rest.strip("()").split(",") if part.strip()]
        if len(parts) != 2:
            raise NotAFilter
    low, high = (value_of(parser, part, "=") for part in parts)
    return Between(element, low, high, negated)


# ------------------------------------------------------------------- whole conditions


def whole(parser: ExpressionParser, text: str, element: Expr) -> Expr:
    """Read a condition that speaks of the element itself."""
    found = parse_all(parser, text)
    if found is None:
        raise NotAFilter
    found, spoken = with_element(found, element)
    if _is_test(found) and (spoken or _calls_only_known(found)):
        return found
    if spoken and isinstance(found, Call):
        return found
    aggregate = isinstance(found, Call) and found.name in _SCALARS and _understood(parser, found)
    if aggregate:
        return Binary("=", element, found)
    raise NotAFilter


_SCALARS = frozenset(("min", "max", "avg", "sum", "count"))


def with_element(condition: Expr, element: Expr) -> tuple[Expr, bool]:
    """Put the element where the condition names it; also tells whether it did."""
    name = element.name.lower() if isinstance(element, ColumnRef) else None
    if isinstance(element, Call) and len(element.args) == 1 and isinstance(element.args[0], ColumnRef):
        name = element.args[0].name.lower()
    spoken = False
    tests = _tests(condition)

    def change(node: object) -> Expr:
        nonlocal spoken
        if isinstance(node, ColumnRef) and node.table is None:
            low = node.name.lower()
            if low == "_" or low == name:
                spoken = True
                return element
        if isinstance(node, Call) and node.name == "strftime" and len(node.args) == 1:
            spoken = True
            return Call("strftime", (node.args[0], element))
        if isinstance(node, Binary) and isinstance(node.left, ColumnRef) and node in tests:
            low = node.left.name.lower()
            if node.left.table is None and (low in DATE_PARTS or low == "age"):
                spoken = True
                return Binary(node.op, Call(low, (element,)), node.right)
        return node  # type: ignore[return-value]

    changed = condition.transform(change)  # type: ignore[arg-type]
    if isinstance(element, ColumnRef):
        spoken = spoken or element in set(changed.walk())
    return changed, spoken  # type: ignore[return-value]


def _tests(condition: Expr) -> set[Expr]:
    """The comparisons that a condition is made of."""
    if isinstance(condition, Binary) and condition.op in ("and", "or"):
        return _tests(condition.left) | _tests(condition.right)
    return {condition}


def _calls_only_known(condition: Expr) -> bool:
    """Whether a condition that does not name the element is surely one: a function or a table's column."""
    nodes = list(condition.walk())
    named = any(isinstance(node, ColumnRef) and node.table is not None for node in nodes)
    bare = any(isinstance(node, ColumnRef) and node.table is None for node in nodes)
    masked = any(isinstance(node, Mask) for node in nodes)
    called = any(isinstance(node, Call | Cast) for node in nodes)
    return (named or masked or called) and not (bare and not called)


def _understood(parser: ExpressionParser, value: Expr) -> bool:
    """Whether an expression read from unquoted text is surely one and not a sentence."""
    known = parser.context.known
    for node in value.walk():
        if isinstance(node, ColumnRef):
            if node.table is None:
                if known is not None and node.name.lower() in known.columns:
                    continue
                if not (_BARE.match(node.name) and ("_" in node.name or isinstance(value, Binary | Call))):
                    return False
            elif " " in node.name and known is None and not re.search(r"[A-Z(]", node.name):
                return False
            elif (
                known is not None
                and node.table.lower() not in known.tables
                and not is_masked_name(node.table)
            ):
                return False
        if isinstance(node, Unary | Raw | Case) and isinstance(node, Raw):
            return False
    if isinstance(value, Literal | FrameColumn | Frame | Mask | Call | Cast | ColumnRef | Case):
        return True
    if isinstance(value, Binary):
        # `2012-01-01` and `20-25` are texts; arithmetic needs a name or a call in it.
        return any(
            isinstance(node, ColumnRef | Mask | Frame | FrameColumn | Call) for node in value.walk()
        ) or (value.op in "*/+" and not _is_test(value))
    return isinstance(value, Tuple)


def parse_all(parser: ExpressionParser, text: str) -> Expr | None:
    """Parse a whole text as one expression; None where it is not one."""
    from share_sql.trajectory.expressions import Unreadable

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
