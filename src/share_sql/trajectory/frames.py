"""Frames of the trajectory language: a source and a chain of methods, each read into an action.

A method that is none of the language's, or whose arguments cannot be understood, becomes a RawAction;
an argument that cannot be read in a list becomes a Raw item. Both keep their text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal as OneOf
from typing import cast

from share_sql.trajectory.expressions import MAX_CHAIN, Arg, ExpressionParser, TooDeep, Unreadable, as_frame
from share_sql.trajectory.filters import condition_of
from share_sql.trajectory.lexer import END, MASK, NUMBER, OPERATOR, STRING, WORD, unquote
from share_sql.trajectory.nodes import (
    Action, Agg, Aggregate, Alias, Binary, Call, Case, Cast, ColumnRef, Combine, Distinct, Exists, Expr, Frame,
    FrameColumn, GroupBy, Having, In, Join, Limit, Literal, Mask, Named, OrderBy, OrderKey, Over, Raw, RawAction, Select,
    Star, Tuple, Unary, Values, When, Where,
)  # fmt: skip
from share_sql.trajectory.words import (
    AGG_KEYS, AGGREGATES, CASE_KEYS, COMBINE_KEYS, COMBINES, DATABASE_NAMES, FILTER_KEYS, JOIN_KEYS, JOINS,
    LIMIT_KEYS, LIST_KEYS, MASK_TEXT, METHODS, NAMED_KEYS, ORDER_KEYS, RANKS, VALUE_METHODS, WHERE_KEYS, word_set,
)  # fmt: skip

_IN = Literal("in")
_UNFILTERED = frozenset(("in", "not", "like", "between", "is", "not_in"))


class FrameParser(ExpressionParser):
    """Reads expressions that hold frames."""

    window_partition: tuple[Expr, ...] = ()
    """Keys of a `.partition(…)` that stands before its rank."""

    def is_method(self, at: int) -> bool:
        """Whether a call of a known method stands at token `at`."""
        return self.kinds[at] == WORD and self.texts[at + 1] == "(" and self.lowers[at] in METHODS

    # ---------------------------------------------------------------------- frames

    def primary(self) -> Expr:
        """Read an operand and the methods behind it."""
        value = super().primary()
        links = 0
        while self.kinds[self.at] == OPERATOR and self.texts[self.at] == "." and self.is_method(self.at + 1):
            value = self.method_of(value)
            links += 1
            if links > MAX_CHAIN:
                raise TooDeep
        return value

    def value_call(self, value: Expr) -> Expr:
        """Read `.substr(1, 4)`, `.cast(real)` and the like: a function of the value before the dot."""
        word = self.lowers[self.at + 1]
        if word == "cast":
            self.at += 2
            self.expect("(")
            self.accept("as")
            result: Expr = Cast(value, self.type_name())
        else:
            self.at += 3
            args, _ = self.call_arguments()
            result = Call(word, (value, *args))
        self.close(")")
        return result

    def frame(self) -> Expr:
        """Read `df1`, `df1.where(…).select(…)`, `df1.users.Id`, `df1[users.Id]`."""
        name = self.texts[self.at]
        self.at += 1
        return self.chain(name, [])

    def chain(self, source: str, actions: list[Action]) -> Expr:
        """Read methods and columns behind a frame."""
        while self.kinds[self.at] == OPERATOR:
            text = self.texts[self.at]
            if text == "[" and self.adjacent(self.at):
                items = self.square_list()
                return self.columns_of(source, actions, items)
            if text != ".":
                break
            at = self.at + 1
            if self.kinds[at] == WORD and self.texts[at + 1] == "(" and not self.is_column_of_frame(at):
                word = self.lowers[at]
                if word in VALUE_METHODS:
                    return self.value_call(Frame(source, tuple(actions)))
                self.add_action(actions)
                continue
            self.at = at
            if self.accept("*"):
                return self.columns_of(source, actions, (Star(),))
            if self.kinds[at] == OPERATOR and self.texts[at] == "[":
                return self.columns_of(source, actions, self.square_list())
            found = self.column()
            if isinstance(found, FrameColumn):
                raise self.fail()
            return self.columns_of(source, actions, (found,))
        return Frame(source, tuple(actions))

    def is_column_of_frame(self, at: int) -> bool:
        """Whether `word (` behind a frame's dot is a column such as `Enrollment (K-12)`, not a method."""
        return (
            self.lowers[at] not in METHODS and self.is_name_group(at + 1, True) and not self.adjacent(at + 1)
        )

    def columns_of(self, source: str, actions: list[Action], items: tuple[Expr, ...]) -> Expr:
        """A frame's column as a value; several, or behind actions, as a selection."""
        if len(items) == 1 and isinstance(items[0], FrameColumn) and items[0].frame == source:
            items = (items[0].column,)
        if not actions and len(items) == 1 and isinstance(items[0], ColumnRef | Mask | Star):
            if source.lower() in DATABASE_NAMES:
                return items[0]
            return FrameColumn(source, items[0])
        return Frame(source, (*actions, Select(items)))

    def method_of(self, value: Expr) -> Expr:
        """Read one method behind a value that is no plain frame: a table, a column, a call."""
        word = self.lowers[self.at + 1]
        if word in VALUE_METHODS and not (isinstance(value, ColumnRef) and value.table is None):
            return self.value_call(value)
        if isinstance(value, Frame):
            return self.chain(value.source, list(value.actions))
        if isinstance(value, FrameColumn):
            return self.chain(value.frame, [Select((value.column,))])
        table = isinstance(value, Mask) or (isinstance(value, ColumnRef) and value.table is None)
        function = AGGREGATES.get(word)
        if table and (function is None or function == "count" or self.is_table(value)):
            if word not in ("asc", "desc", "as", "alias", "label", "distinct", "is_not_null"):
                return self.chain("df", [Join(value, kind="from")])
        self.at += 2
        self.expect("(")
        args = self.arguments(LIST_KEYS)
        self.close(")")
        if word in ("as", "alias", "label") and len(args) == 1:
            return Alias(value, name_of(args[0].value) or self.no_name())
        if args:
            raise self.fail()
        if function is not None or word in ("asc", "desc", "distinct"):
            return Call(function or word, (value,))
        if word == "is_not_null":
            return Binary("is not", value, Literal(None))
        raise self.fail()

    def no_name(self) -> str:
        """Fail where a name was needed."""
        raise self.fail()

    def is_table(self, value: Expr) -> bool:
        """Whether a bare name is a table of the schema."""
        known = self.context.known
        return known is not None and isinstance(value, ColumnRef) and value.name.lower() in known.tables

    # --------------------------------------------------------------------- actions

    def add_action(self, actions: list[Action]) -> None:
        """Read one method and append its action, or the raw text where that fails."""
        start, depth, raws = self.at, self.depth, self.raws
        method = self.lowers[start + 1]
        try:
            self.at += 3
            self.action(method, actions)
            self.close(")")
        except Unreadable:
            self.at, self.depth, self.raws = start + 2, depth, raws + 1
            self.skip_brackets()
            actions.append(RawAction(self.source[self.starts[start + 1] : self.ends[self.at - 1]]))

    def skip_brackets(self) -> None:
        """Step over a bracketed text whatever is in it."""
        level = 0
        while self.kinds[self.at] != END:
            if self.kinds[self.at] == OPERATOR:
                text = self.texts[self.at]
                if text in "([{":
                    level += 1
                elif text in ")]}":
                    level -= 1
            self.at += 1
            if level <= 0:
                return

    def action(self, method: str, actions: list[Action]) -> None:
        """Read a method's arguments and append what it does."""
        if method in _WHERE_METHODS:
            actions.append(self.where(method))
        elif method in _LIST_METHODS:
            actions.append(_LIST_METHODS[method](self))
        elif method in AGGREGATES:
            actions.append(self.aggregate(AGGREGATES[method]))
        elif method in ("orderby", "order_by", "sort", "sortby", "sort_by"):
            actions.append(OrderBy(self.orderby()))
        elif method in ("limit", "head", "top", "offset"):
            self.limit(method, actions)
        elif method in ("asc", "desc"):
            if not (actions and isinstance(actions[-1], OrderBy)):
                raise self.fail()
            keys = actions[-1].keys
            actions[-1] = OrderBy(tuple(OrderKey(key.key, method == "desc", key.nulls) for key in keys))
        elif method in COMBINES:
            actions.extend(self.combine(COMBINES[method]))
        elif method in JOINS:
            actions.append(self.join(JOINS[method]))
        elif method in ("as", "alias", "label"):
            actions.append(self.named())
        elif method in RANKS:
            self.rank(method, actions)
        elif method in ("partition", "partitionby", "partition_by"):
            self.partition(actions)
        else:
            raise self.fail()

    def rank(self, method: str, actions: list[Action]) -> None:
        """Read `.rank()` behind an ordering: the window function over that ordering."""
        by = self.items()[0]
        ordering = actions[-1] if actions else None
        if not isinstance(ordering, OrderBy) or len(by) > 1:
            raise self.fail()
        keys = ordering.keys
        if by:
            keys = (OrderKey(by[0], keys[0].descending if keys else False),)
        actions.append(Agg((Call(method, over=Over(self.window_partition, keys)),)))
        self.window_partition = ()

    def partition(self, actions: list[Action]) -> None:
        """Read `.partition(by = x)` right behind or right before a rank; elsewhere it has no meaning."""
        keys = tuple(self.items()[0])
        previous = actions[-1] if actions else None
        if isinstance(previous, Agg) and isinstance(previous.items[-1], Call):
            call = previous.items[-1]
            if call.name in RANKS and call.over is not None and not call.over.partition:
                ranked = Call(call.name, over=Over(keys, call.over.order))
                actions[-1] = Agg((*previous.items[:-1], ranked))
                return
        if not (self.next_is(")") and self.texts[self.at + 1] == "." and self.lowers[self.at + 2] in RANKS):
            raise self.fail()
        self.window_partition = keys

    def arguments(self, keywords: frozenset[str], named: bool = False) -> list[Arg]:
        """Read a method's arguments up to its closing bracket.

        `named`: `name = value` with a name that is no keyword is an item with an alias.
        """
        args: list[Arg] = []
        while not self.next_is(")") and self.kinds[self.at] != END:
            args.append(self.argument(keywords, named, not args))
            if not self.accept(",") and not self.at_keyword(keywords):
                break
        return args

    def at_keyword(self, keywords: frozenset[str]) -> bool:
        """Whether `keyword =` is next."""
        return (
            self.kinds[self.at] == WORD
            and self.texts[self.at + 1] == "="
            and self.lowers[self.at] in keywords
        )

    def argument(self, keywords: frozenset[str], named: bool, first: bool) -> Arg:
        """Read one argument; one that cannot be read is a Raw value."""
        start, depth, raws = self.at, self.depth, self.raws
        keyword: str | None = None
        if self.at_keyword(keywords):
            keyword = self.lowers[start]
            self.at += 2
        elif keywords is WHERE_KEYS and self.lowers[start] in FILTER_KEYS and self.texts[start + 1] == ",":
            keyword = "filter"  # `where(x, filter, '> 5')`
            self.at += 2
        try:
            at = self.at
            if keywords is WHERE_KEYS and self.at_bare_filter(keyword, first):
                return Arg(keyword, Literal(self.filter_text()), True)
            if named and keyword is None and self.texts[at + 1] == "=" and self.kinds[at] in (WORD, STRING):
                self.at += 2
                name = unquote(self.texts[at]) if self.kinds[at] == STRING else self.texts[at]
                value: Expr = Alias(self.expression(), name)
                if keywords is AGG_KEYS and name.lower() in AGGREGATES and _is_column(value.value):
                    value = Call(AGGREGATES[name.lower()], (value.value,))
            elif named and self.next_is("{"):
                return Arg(keyword, Tuple(self.mapping()), False, True)
            else:
                value = self.item()
            if self.at_argument_end(keywords):
                return Arg(
                    keyword, value, self.kinds[at] == STRING and self.at == at + 1, self.texts[at] == "["
                )
        except Unreadable:
            pass  # read again below, as raw text
        self.depth, self.raws = depth, raws
        return Arg(None, self.raw_item(start), False)

    def at_argument_end(self, keywords: frozenset[str]) -> bool:
        """Whether an argument can end here."""
        return self.next_is(",", ")") or self.kinds[self.at] == END or self.at_keyword(keywords)

    def at_bare_filter(self, keyword: str | None, first: bool) -> bool:
        """Whether an unquoted filter begins here: `filter = > 5`, `filter = like 'a%'`, `filter = in(df1)`."""
        if first or (keyword is not None and keyword not in FILTER_KEYS):
            return False
        kind = self.kinds[self.at]
        if kind == OPERATOR:
            return self.texts[self.at] in ("<", ">", "<=", ">=", "!=", "<>", "=", "==")
        word = self.lowers[self.at]
        if kind != WORD or word not in _UNFILTERED:
            return False
        return word != "not" or self.lowers[self.at + 1] in ("in", "like", "between", "null")

    def filter_text(self) -> str:
        """The text of an unquoted filter, up to the end of its argument."""
        start = self.at
        self.raw_item(start)
        self.raws -= 1
        while self.next_is(",") and not (self.kinds[self.at + 1] == WORD and self.texts[self.at + 2] == "="):
            self.at += 1
            self.raw_item(self.at)
            self.raws -= 1
        return self.source[self.starts[start] : self.ends[self.at - 1]]

    def mapping(self) -> tuple[Expr, ...]:
        """Read `{'column': 'max'}`, as data-frame libraries write aggregates."""
        self.expect("{")
        items: list[Expr] = []
        while not self.next_is("}"):
            column = self.expression()
            self.expect(":")
            function = name_of(self.expression())
            if isinstance(column, Literal) and isinstance(column.value, str):
                column = ColumnRef(None, column.value)
            if function is None or function.lower() not in AGGREGATES:
                raise self.fail()
            items.append(Call(AGGREGATES[function.lower()], (column,)))
            if not self.accept(","):
                break
        self.expect("}")
        return tuple(items)

    def where(self, method: str) -> Action:
        """Read `where(…)` and its kin."""
        if method in ("where_exists", "where_not_exists"):
            args = self.arguments(WHERE_KEYS)
            given = {arg.keyword: arg.value for arg in args}
            if set(given) - {"filter"} == {"element", "subquery"} and given.get("filter", _IN) == _IN:
                frame = as_frame(given["subquery"])
                if frame is None:
                    raise self.fail()
                return Where(In(given["element"], frame, method == "where_not_exists"))
            if len(args) != 1:
                raise self.fail()
            return Where(Exists(args[0].value, method == "where_not_exists"))
        condition = condition_of(self, self.arguments(WHERE_KEYS))
        connective: OneOf["and", "or"] = "or" if method.startswith("or") else "and"
        if method == "where_not":
            condition = Unary("not", condition)
        if "having" in method:
            return Having(condition, connective)
        return Where(condition, connective)

    def items(self) -> tuple[list[Expr], bool]:
        """Read a list of output columns; lists in brackets are taken apart. Also: whether distinct."""
        distinct = False
        if self.accept_distinct():
            distinct = True
        items: list[Expr] = []
        for arg in self.arguments(LIST_KEYS, named=True):
            if arg.keyword == "as":
                name = name_of(arg.value)
                if not items or name is None:
                    raise self.fail()
                items[-1] = Alias(items[-1], name)
                continue
            distinct = distinct or arg.keyword == "distinct"
            flat = arg.value.items if arg.bracketed and isinstance(arg.value, Tuple) else (arg.value,)
            for item in flat:
                bare, alias = (item.value, item.name) if isinstance(item, Alias) else (item, None)
                if isinstance(bare, Call) and bare.name == "distinct":
                    distinct = True
                    inner = list(bare.args)
                    if alias is not None and len(inner) == 1:
                        inner = [Alias(inner[0], alias)]
                    items.extend(inner)
                else:
                    items.append(item)
        return items, distinct

    def select(self) -> Action:
        """Read `select(…)`."""
        items, distinct = self.items()
        return Select(tuple(items), distinct)

    def select_distinct(self) -> Action:
        """Read `select_distinct(…)`."""
        return Select(tuple(self.items()[0]), True)

    def groupby(self) -> Action:
        """Read `groupby(…)`."""
        return GroupBy(tuple(self.items()[0]))

    def distinct(self) -> Action:
        """Read `distinct(…)`."""
        return Distinct(tuple(self.items()[0]))

    def agg(self) -> Action:
        """Read `agg(sum(x) as y)`, `agg(y = sum(x))`, `agg(sum = x)`, `agg('sum', x)`."""
        items: list[Expr] = []
        pending = ""
        for arg in self.arguments(AGG_KEYS, named=True):
            value = arg.value
            if arg.keyword == "as":
                name = name_of(value)
                if not items or name is None:
                    raise self.fail()
                items[-1] = Alias(items[-1], name)
            elif arg.keyword in ("function", "func") or (
                arg.quoted and isinstance(value, Literal) and str(value.value).lower() in AGGREGATES
            ):
                name = name_of(value)
                if name is None or name.lower() not in AGGREGATES:
                    raise self.fail()
                pending = AGGREGATES[name.lower()]
                if items and arg.keyword:  # the column came first
                    items[-1], pending = Call(pending, (items[-1],)), ""
                else:
                    items.append(Call(pending))
            elif pending and not arg.bracketed:
                items[-1], pending = Call(pending, (value,)), ""
            elif arg.bracketed and isinstance(value, Tuple):
                items.extend(value.items)
            else:
                items.append(value)
        return Agg(tuple(items))

    def aggregate(self, function: str) -> Action:
        """Read `.count()`, `.sum(x)`, `.count(distinct = x)`."""
        items, distinct = self.items()
        if len(items) == 1 and isinstance(items[0], Alias):
            return Agg((Alias(Call(function, (items[0].value,), distinct), items[0].name),))
        return Aggregate(function, tuple(items), distinct)

    def orderby(self) -> tuple[OrderKey, ...]:
        """Read an ordering's keys and directions."""
        keys: list[OrderKey] = []
        group = 1
        while not self.next_is(")") and self.kinds[self.at] != END:
            keyword = ""
            if self.at_keyword(ORDER_KEYS):
                keyword = self.lowers[self.at]
                self.at += 2
            if self.next_is("[") and self.at_directions(self.at + 1):
                self.directions(keys)
            elif self.next_is("["):
                found = self.order_items()
                group = len(found)
                keys.extend(found)
            elif keyword == "limit" or not self.direction(keys, group):
                if keyword in ("order", "direction", "limit"):
                    raise self.fail()
                keys.append(self.order_key())
                group = 1
            self.direction(keys, group)
            if not self.accept(","):
                break
        return tuple(keys)

    def order_key(self) -> OrderKey:
        """Read one key."""
        start, depth = self.at, self.depth
        try:
            value = self.expression()
            if isinstance(value, Call) and value.name in ("asc", "desc") and len(value.args) == 1:
                return OrderKey(value.args[0], value.name == "desc")
            if self.next_is(",", ")", "asc", "desc", "ascending", "descending", "nulls"):
                return OrderKey(value)
            if self.kinds[self.at] == END:
                return OrderKey(value)
        except Unreadable:
            pass  # kept as raw text below
        self.depth = depth
        return OrderKey(self.raw_item(start))

    def at_directions(self, at: int) -> bool:
        """Whether a list of directions stands here: `[desc, asc]`."""
        word = self.texts[at].strip("'\"").lower()
        return word in ("asc", "desc", "true", "false") and self.texts[at + 1] in (",", "]")

    def directions(self, keys: list[OrderKey]) -> None:
        """Read `[desc, asc]` and apply it to the last keys, one each."""
        self.at += 1
        words: list[bool] = []
        while self.kinds[self.at] in (WORD, STRING):
            words.append(self.texts[self.at].strip("'\"").lower() in ("desc", "false"))
            self.at += 1
            if not self.accept(","):
                break
        self.close("]")
        if len(words) > len(keys):
            raise self.fail()
        for index, descending in enumerate(words, len(keys) - len(words)):
            keys[index] = OrderKey(keys[index].key, descending, keys[index].nulls)

    def limit(self, method: str, actions: list[Action]) -> None:
        """Read `limit(n)`, `limit(n, offset = m)`, `offset(m)`; SQL's `limit(m, n)` skips m."""
        args = self.arguments(LIMIT_KEYS)
        values = [arg.value for arg in args if arg.keyword != "offset"]
        skipped = [arg.value for arg in args if arg.keyword == "offset"]
        if method == "offset":
            if len(args) != 1:
                raise self.fail()
            previous = actions[-1] if actions else None
            if isinstance(previous, Limit) and previous.offset is None:
                actions[-1] = Limit(previous.count, args[0].value)
            else:
                actions.append(Limit(Literal(-1), args[0].value))
            return
        if len(values) == 2 and not skipped:
            skipped, values = [values[0]], [values[1]]
        if len(values) != 1 or len(skipped) > 1:
            raise self.fail()
        if actions and isinstance(actions[-1], Limit) and actions[-1].count == Literal(-1) and not skipped:
            actions[-1] = Limit(values[0], actions[-1].offset)
        else:
            actions.append(Limit(values[0], skipped[0] if skipped else None))

    def combine(self, kind: str) -> list[Action]:
        """Read `union(df2)`, `intersect(df2, df3)`."""
        found: list[Action] = []
        for arg in self.arguments(COMBINE_KEYS):
            if arg.keyword == "all":
                if arg.value == Literal(True) and kind == "union":
                    kind = "union all"
                continue
            frame = as_frame(arg.value)
            if frame is None:
                raise self.fail()
            found.append(Combine(cast('OneOf["union"]', kind), frame))
        if not found:
            raise self.fail()
        if kind == "union all":
            return [Combine("union all", item.other) for item in found if isinstance(item, Combine)]
        return found

    def join(self, kind: str) -> Action:
        """Read `from(t as a)`, `join(t as a, on = …)`, `left_join(…, using = [a, b])`."""
        source: Expr | None = None
        alias: str | None = None
        on: Expr | None = None
        using: tuple[str, ...] = ()
        natural = False
        for arg in self.arguments(JOIN_KEYS):
            value = arg.value
            if isinstance(value, Raw):
                raise self.fail()
            if arg.keyword == "on":
                on = value
            elif arg.keyword == "using":
                using = tuple(name_of(item) or self.no_name() for item in items_of(value))
            elif arg.keyword == "natural":
                natural = value == Literal(True)
            elif arg.keyword in ("kind", "how", "type"):
                kind = _KINDS.get((name_of(value) or "").lower()) or self.no_name()
            elif arg.keyword == "as":
                alias = name_of(value)
            elif source is None:
                source = value
                if isinstance(value, Alias):
                    source, alias = value.value, value.name
            elif on is None:
                on = value
            elif _is_column(on) and _is_column(value):
                on = Binary("=", on, value)
            else:
                raise self.fail()
        if source is None or not isinstance(source, ColumnRef | Mask | Frame | Call):
            raise self.fail()
        return Join(source, alias, cast('OneOf["inner"]', kind), on, using, natural)

    def named(self) -> Action:
        """Read `as(name, column, …)`."""
        name: str | None = None
        columns: list[str] = []
        for index, arg in enumerate(self.arguments(NAMED_KEYS)):
            if arg.keyword == "columns":
                columns.extend(name_of(item) or self.no_name() for item in items_of(arg.value))
            elif index == 0:
                name = name_of(arg.value)
                if name is None:
                    raise self.fail()
            else:
                columns.append(name_of(arg.value) or self.no_name())
        return Named(name, tuple(columns))

    def values(self) -> Action:
        """Read `values((1, 2), (3, 4))`."""
        rows = []
        for arg in self.arguments(frozenset()):
            if not isinstance(arg.value, Tuple):
                raise self.fail()
            rows.append(arg.value.items)
        return Values(tuple(rows))

    # ------------------------------------------------------------------------ calls

    def call(self, word: str) -> Expr:
        """Read a call; set operations written as functions become frames."""
        value = super().call(word)
        if isinstance(value, Call) and word in COMBINES and len(value.args) > 1:
            frames = [as_frame(arg) for arg in value.args]
            first = frames[0]
            if first is not None and all(frame is not None for frame in frames):
                kind = cast('OneOf["union"]', COMBINES[word])
                others = tuple(Combine(kind, frame) for frame in frames[1:] if frame is not None)
                return Frame(first.source, first.actions + others)
        return value

    def case_call(self, word: str) -> Expr:
        """Read `case(when = …, then = …, else = …)`, `case(x, when = 1, then = …)`, `if(c, a, b)`."""
        opening = self.at
        self.at += 1
        if word == "case":
            self.skip_brackets()
            behind, self.at = self.next_is("when"), opening
            if behind:  # `case (a + b) when …`: the bracket is the operand's
                return self.sql_case()
        self.at = opening + 2
        if word == "case" and self.next_is("when") and self.texts[self.at + 1] != "=":
            self.at = opening + 1
            value = self.case_in_brackets()
            if value is not None:
                return value
            self.at = opening + 2
        args = self.arguments(CASE_KEYS)
        if any(isinstance(arg.value, Raw) for arg in args):
            raise self.fail()
        self.close(")")
        if (
            word == "when"
            and args
            and args[0].keyword is None
            and len(args) > 1
            and args[1].keyword == "then"
        ):
            args[0] = Arg("when", args[0].value, args[0].quoted)
        if word == "when" and self.accept("then"):
            args.append(Arg("then", self.expression(), False))
        if word in ("if", "when") and not any(arg.keyword in ("when", "then", "else") for arg in args):
            if word == "if" and len(args) == 1 and self.accept("then"):
                args.append(Arg("then", self.expression(), False))
                if self.accept("else"):
                    args.append(Arg("else", self.expression(), False))
            return self.if_call(args)
        return self.case_of(args)

    def case_in_brackets(self) -> Expr | None:
        """Read `(when … then … else … end)` behind `case`; None where that is not what it is."""
        start = self.at
        self.at += 1
        depth = self.depth
        try:
            self.at -= 1
            value = self.sql_case()
            if isinstance(value, Case) and value.default is None and self.accept(","):
                value = Case(value.operand, value.whens, self.expression())
            self.close(")")
        except Unreadable:
            self.at, self.depth = start, depth
            return None
        return value

    def if_call(self, args: list[Arg]) -> Expr:
        """`if(condition, a, b)` and `when(condition, a)` from positional arguments."""
        if any(arg.keyword in FILTER_KEYS for arg in args):
            split = next(i for i, arg in enumerate(args) if arg.keyword in FILTER_KEYS) + 1
            condition = condition_of(self, args[:split])
            rest = args[split:]
        else:
            condition, rest = args[0].value if args else self.no_value(), args[1:]
        if not 1 <= len(rest) <= 2:
            raise self.fail()
        default = rest[1].value if len(rest) == 2 else None
        return Case(None, (When(condition, rest[0].value),), default)

    def no_value(self) -> Expr:
        """Fail where a value was needed."""
        raise self.fail()

    def case_of(self, args: list[Arg]) -> Expr:
        """A CASE from keyword arguments."""
        operand: Expr | None = None
        default: Expr | None = None
        conditions: list[Arg] = []
        whens: list[When] = []
        for arg in args:
            if arg.keyword == "when" or arg.keyword in FILTER_KEYS:
                conditions.append(arg)
            elif arg.keyword == "then":
                if len(conditions) != 1:
                    raise self.fail()
                whens.append(self.when(operand, conditions.pop(), arg.value))
            elif arg.keyword in ("else", "default"):
                default = arg.value
            elif (
                arg.keyword in ("element", "column", None)
                and not conditions
                and not whens
                and operand is None
            ):
                operand = arg.value
            elif arg.keyword is None and isinstance(arg.value, Case):
                whens.extend(arg.value.whens)
            else:
                raise self.fail()
        if isinstance(operand, Case) and not whens:
            whens, operand, default = list(operand.whens), None, default or operand.default
        if conditions or not whens:
            raise self.fail()
        return Case(None, tuple(whens), default)

    def when(self, operand: Expr | None, arg: Arg, result: Expr) -> When:
        """One branch; with an operand, the condition is a filter on it."""
        if operand is None:
            return When(arg.value, result)
        if isinstance(operand, Frame) and not operand.actions:
            raise self.fail()
        element = Arg("element", operand, False)
        if arg.bracketed:
            return When(condition_of(self, [element, Arg("filter", Literal("in"), True), arg]), result)
        return When(condition_of(self, [element, Arg("filter", arg.value, arg.quoted)]), result)


def items_of(value: Expr) -> tuple[Expr, ...]:
    """The items of a list, or the single value."""
    return value.items if isinstance(value, Tuple) else (value,)


def name_of(value: Expr) -> str | None:
    """The name that a word or a quoted text stands for."""
    if isinstance(value, ColumnRef) and value.table is None:
        return value.name
    if isinstance(value, Literal) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Frame) and not value.actions:
        return value.source
    if isinstance(value, Call) and not value.args:
        return value.name
    if isinstance(value, Mask):
        return MASK_TEXT
    return None


def _is_column(value: Expr) -> bool:
    return isinstance(value, ColumnRef | Mask | Star)


_WHERE_METHODS = word_set(
    "where filter orwhere or_where and_where or and having orhaving or_having where_not where_exists"
    " where_not_exists is_not_null"
)
_LIST_METHODS: dict[str, Callable[[FrameParser], Action]] = {
    "select": FrameParser.select,
    "select_distinct": FrameParser.select_distinct,
    "groupby": FrameParser.groupby,
    "group_by": FrameParser.groupby,
    "distinct": FrameParser.distinct,
    "agg": FrameParser.agg,
    "aggregate": FrameParser.agg,
    "values": FrameParser.values,
}
_KINDS = {
    "inner": "inner", "left": "left", "right": "right", "full": "full", "outer": "full", "cross": "cross",
    "left outer": "left", "right outer": "right", "full outer": "full", "from": "from",
}  # fmt: skip

__all__ = ["MASK", "NUMBER", "FrameParser"]
