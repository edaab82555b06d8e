"""Conditions from the arguments of a where: `element = T.c, filter = 'in', value = df1`."""

from __future__ import annotations

from share_sql.trajectory import nodes as n
from share_sql.trajectory.reading.cursor import Arg, Cursor, items_of
from share_sql.trajectory.reading.filters import OPERATOR_WORDS, frame_of, is_test, parse_all, read_filter
from share_sql.trajectory.words import DATE_PARTS, SIGNS

_MODES = {"lower": "lower", "iexact": "lower", "upper": "upper", "nocase": "lower", "ignorecase": "lower"}
_ELEMENT_KEYS = frozenset(("element", "element1", "element2", "element3", "column", "condition"))
_VALUE_WORDS = frozenset(("in", "not in", "between", "not between", "contains")) | DATE_PARTS


def condition_of(parser: Cursor, args: list[Arg]) -> n.Expr:
    """Build the condition that a where's arguments say.

    Args:
        parser: the parser that read them.
        args: in order; keywords as written.

    Returns:
        The condition.

    Raises:
        Unreadable: the arguments make no sense together.
    """
    found: n.Expr | None = None
    connective = "and"
    element: n.Expr | None = None
    filter_arg: Arg | None = None
    extras: list[Arg] = []

    def flush() -> None:
        nonlocal found, filter_arg, extras, connective
        if element is None:
            raise parser.fail()
        part = one_condition(parser, element, filter_arg, extras)
        found = part if found is None else n.Binary(connective, found, part)
        filter_arg, extras, connective = None, [], "and"

    for arg in args:
        parser.need(not isinstance(arg.value, n.Raw))
        keyword = arg.keyword
        if keyword in ("operation", "operator", "method"):
            word = arg.value.value if isinstance(arg.value, n.Literal) else None
            if not isinstance(word, str) or word.lower() not in ("and", "or"):
                raise parser.fail()
            flush()
            connective, element = word.lower(), None
        elif keyword == "is_not_null" and element is not None and arg.value == n.Literal(True):
            flush()
            filter_arg = Arg("filter", n.Literal("is not null"), True)
        elif keyword == "mode":
            element = with_mode(parser, element, arg.value)
        elif keyword is not None and keyword.startswith("filter"):
            parser.need(element is not None)
            if filter_arg is not None:
                flush()
            filter_arg = arg
        elif keyword == "in" and filter_arg is None:
            filter_arg = Arg("filter", n.Literal("in"), True)
            extras.append(Arg("value", arg.value, arg.quoted, arg.bracketed))
        elif keyword is not None and keyword not in _ELEMENT_KEYS:
            extras.append(arg)
        elif element is None:
            element = element_of(parser, arg)
        elif filter_arg is None and keyword is None and not is_test(arg.value):
            filter_arg = arg
        elif filter_arg is not None and _wants_value(filter_arg) and (keyword is None or not extras):
            extras.append(arg)
        elif keyword is None and filter_arg is not None and _is_constant(filter_arg) and _is_constant(arg):
            # `filter = 'a', 'b'`: one of them
            filter_arg = Arg("filter", n.Tuple((*items_of(filter_arg.value), arg.value)), False, True)
        elif keyword is None and (filter_arg is not None or not is_test(element)):
            raise parser.fail()
        else:
            flush()
            element = element_of(parser, arg)
    flush()
    assert found is not None
    return found


def _is_constant(arg: Arg) -> bool:
    return all(isinstance(item, n.Literal) for item in items_of(arg.value))


def element_of(parser: Cursor, arg: Arg) -> n.Expr:
    """The tested element; a quoted one is read as if it were not quoted."""
    value = arg.value
    if arg.quoted and isinstance(value, n.Literal) and isinstance(value.value, str):
        inner = parse_all(parser, value.value)
        if inner is None:
            raise parser.fail()
        return inner
    if isinstance(value, n.Tuple) and arg.bracketed and len(value.items) == 1:
        return value.items[0]
    return value


def with_mode(parser: Cursor, element: n.Expr | None, mode: n.Expr) -> n.Expr:
    """The element seen through `mode = 'lower'` or `mode = 'year'`."""
    word = mode.value.lower() if isinstance(mode, n.Literal) and isinstance(mode.value, str) else ""
    function = _MODES.get(word) or (word if word in DATE_PARTS else None)
    if element is None or function is None:
        raise parser.fail()
    return n.Call(function, (element,))


def _wants_value(arg: Arg) -> bool:
    """Whether a filter is an operator alone, with its value in a further argument."""
    if not arg.quoted or not isinstance(arg.value, n.Literal) or not isinstance(arg.value.value, str):
        return False
    word = " ".join(arg.value.value.lower().split())
    return word in OPERATOR_WORDS or word in _VALUE_WORDS


def one_condition(parser: Cursor, element: n.Expr, filter_arg: Arg | None, extras: list[Arg]) -> n.Expr:
    """The condition of one element, its filter and the further values."""
    if filter_arg is None:
        if not extras:
            return element
        if len(extras) == 1 and extras[0].keyword in ("value", "subquery"):
            return n.Binary("=", element, extras[0].value)
        if all(arg.keyword == "values" for arg in extras):
            return member(element, extras, False)
        raise parser.fail()
    value = filter_arg.value
    text = value.value if filter_arg.quoted and isinstance(value, n.Literal) else None
    if extras:
        if not isinstance(text, str):
            raise parser.fail()
        return with_values(parser, element, " ".join(text.lower().split()), extras)
    if isinstance(text, str):
        return read_filter(parser, text, element)
    if isinstance(value, n.Binary) and value.op == "+" and isinstance(value.left, n.Literal):
        sign = value.left.value  # `filter = '> ' + df1`
        if isinstance(sign, str) and sign.strip() in SIGNS:
            return n.Binary(SIGNS[sign.strip()], element, value.right)
    if filter_arg.bracketed and isinstance(value, n.Tuple):
        return n.In(element, value.items)
    if is_test(value) and any(isinstance(node, n.ColumnRef | n.Mask) for node in value.walk()):
        return value
    return n.Binary("=", element, value)


def with_values(parser: Cursor, element: n.Expr, word: str, extras: list[Arg]) -> n.Expr:
    """The condition of an operator whose value stands in its own argument."""
    value = extras[0].value
    if word in ("in", "not in"):
        return member(element, extras, word == "not in")
    if word in ("between", "not between"):
        bounds = [item for arg in extras for item in items_of(arg.value)]
        parser.need(len(bounds) == 2)
        return n.Between(element, bounds[0], bounds[1], word == "not between")
    parser.need(len(extras) == 1)
    if word in DATE_PARTS:
        part = n.Call(word, (element,))
        if extras[0].quoted and isinstance(value, n.Literal):
            return read_filter(parser, str(value.value), part)
        return n.Binary("=", part, value)
    if word == "contains":
        if not (isinstance(value, n.Literal) and isinstance(value.value, str)):
            raise parser.fail()
        return n.Binary("like", element, n.Literal(f"%{value.value}%"))
    parser.need(word in OPERATOR_WORDS)
    return n.Binary(OPERATOR_WORDS[word], element, value)


def member(element: n.Expr, extras: list[Arg], negated: bool) -> n.Expr:
    """`element [not] in (…)` from one frame, one list or several values."""
    if len(extras) == 1:
        frame = frame_of(extras[0].value)
        if frame is not None:
            return n.In(element, frame, negated)
    return n.In(element, tuple(item for arg in extras for item in items_of(arg.value)), negated)
