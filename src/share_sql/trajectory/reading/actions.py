"""Methods read into actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import END, STRING, WORD
from share_sql.trajectory.reading.arguments import ArgumentParser, is_column, name_of
from share_sql.trajectory.reading.cursor import Unreadable, as_frame, items_of
from share_sql.trajectory.reading.elements import condition_of
from share_sql.trajectory.words import (
    AGG_KEYS,
    AGGREGATES,
    COMBINE_KEYS,
    COMBINES,
    JOIN_KEYS,
    JOINS,
    LIMIT_KEYS,
    LIST_KEYS,
    NAMED_KEYS,
    ORDER_KEYS,
    RANKS,
    SELECT_KEYS,
    WHERE_KEYS,
    word_set,
)

_IN = n.Literal("in")


class ActionParser(ArgumentParser):
    """Reads what stands in a method's brackets as an action."""

    window_partition: tuple[n.Expr, ...] = ()
    """Keys of a `.partition(…)` that stands before its rank."""

    def action(self, method: str, actions: list[n.Action]) -> None:
        """Read a method's arguments and append what it does."""
        if method in _WHERE_METHODS:
            actions.append(self.where(method))
        elif method in _LIST_METHODS:
            actions.append(_LIST_METHODS[method](self))
        elif method in AGGREGATES:
            actions.append(self.aggregate(AGGREGATES[method]))
        elif method in ("orderby", "order_by", "sort", "sortby", "sort_by"):
            actions.append(n.OrderBy(self.orderby()))
        elif method in ("limit", "head", "top", "offset"):
            self.limit(method, actions)
        elif method in ("asc", "desc"):
            if not (actions and isinstance(actions[-1], n.OrderBy)):
                raise self.fail()
            keys = actions[-1].keys
            actions[-1] = n.OrderBy(tuple(n.OrderKey(key.key, method == "desc", key.nulls) for key in keys))
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

    def rank(self, method: str, actions: list[n.Action]) -> None:
        """Read `.rank()` behind an ordering: the window function over that ordering."""
        by = self.items()[0]
        ordering = actions[-1] if actions else None
        if not isinstance(ordering, n.OrderBy) or len(by) > 1:
            raise self.fail()
        keys = ordering.keys
        if by:
            keys = (n.OrderKey(by[0], keys[0].descending if keys else False),)
        actions.append(n.Agg((n.Call(method, over=n.Over(self.window_partition, keys)),)))
        self.window_partition = ()

    def partition(self, actions: list[n.Action]) -> None:
        """Read `.partition(by = x)` right behind or right before a rank; elsewhere it has no meaning."""
        keys, _ = self.items()
        previous = actions[-1] if actions else None
        if isinstance(previous, n.Agg) and isinstance(previous.items[-1], n.Call):
            call = previous.items[-1]
            if call.name in RANKS and call.over is not None and not call.over.partition:
                ranked = n.Call(call.name, over=n.Over(keys, call.over.order))
                actions[-1] = n.Agg((*previous.items[:-1], ranked))
                return
        self.need(self.next_is(")") and self.texts[self.at + 1] == "." and self.lowers[self.at + 2] in RANKS)
        self.window_partition = keys

    def where(self, method: str) -> n.Action:
        """Read `where(…)` and its kin."""
        if method in ("where_exists", "where_not_exists"):
            args = self.arguments(WHERE_KEYS)
            given = {arg.keyword: arg.value for arg in args}
            if set(given) - {"filter"} == {"element", "subquery"} and given.get("filter", _IN) == _IN:
                frame = as_frame(given["subquery"])
                if frame is None:
                    raise self.fail()
                return n.Where(n.In(given["element"], frame, method == "where_not_exists"))
            self.need(len(args) == 1)
            return n.Where(n.Exists(args[0].value, method == "where_not_exists"))
        condition = condition_of(self, self.arguments(WHERE_KEYS))
        connective: Literal["and", "or"] = "or" if method.startswith("or") else "and"
        if method == "where_not":
            condition = n.Unary("not", condition)
        if "having" in method:
            return n.Having(condition, connective)
        return n.Where(condition, connective)

    def select(self) -> n.Action:
        """Read `select(a, b as c)`, `select(a, distinct_on = [b])`."""
        on: list[n.Expr] = []
        items, distinct = self.items(on)
        return n.Select(items, distinct, tuple(on))

    def items(self, on: list[n.Expr] | None = None) -> tuple[tuple[n.Expr, ...], bool]:
        """Read a list of output columns; lists in brackets are taken apart. Also: whether distinct. What
        stands after `distinct_on` goes to `on`."""
        distinct = self.accept_distinct()
        items: list[n.Expr] = []
        for arg in self.arguments(LIST_KEYS if on is None else SELECT_KEYS, named=True):
            if on is not None and arg.keyword == "distinct_on":
                on += items_of(arg.value)
                continue
            if arg.keyword == "as":
                self.need(bool(items))
                items[-1] = n.Alias(items[-1], self.name(arg.value))
                continue
            distinct = distinct or arg.keyword == "distinct"
            flat = arg.value.items if arg.bracketed and isinstance(arg.value, n.Tuple) else (arg.value,)
            for item in flat:
                bare, alias = (item.value, item.name) if isinstance(item, n.Alias) else (item, None)
                if isinstance(bare, n.Call) and bare.name == "distinct":
                    distinct = True
                    inner = list(bare.args)
                    if alias is not None and len(inner) == 1:
                        inner = [n.Alias(inner[0], alias)]
                    items.extend(inner)
                else:
                    items.append(item)
        return tuple(items), distinct

    def agg(self) -> n.Action:
        """Read `agg(sum(x) as y)`, `agg(y = sum(x))`, `agg(sum = x)`, `agg('sum', x)`."""
        items: list[n.Expr] = []
        pending = ""
        for arg in self.arguments(AGG_KEYS, named=True):
            value = arg.value
            if arg.keyword == "as":
                self.need(bool(items))
                items[-1] = n.Alias(items[-1], self.name(value))
            elif arg.keyword in ("function", "func") or (
                arg.quoted and isinstance(value, n.Literal) and str(value.value).lower() in AGGREGATES
            ):
                pending = self.aggregate_name(value)
                if items and arg.keyword:  # the column came first
                    items[-1], pending = n.Call(pending, (items[-1],)), ""
                else:
                    items.append(n.Call(pending))
            elif pending and not arg.bracketed:
                items[-1], pending = n.Call(pending, (value,)), ""
            elif arg.bracketed and isinstance(value, n.Tuple):
                items.extend(value.items)
            else:
                items.append(value)
        return n.Agg(tuple(items))

    def aggregate(self, function: str) -> n.Action:
        """Read `.count()`, `.sum(x)`, `.count(distinct = x)`."""
        items, distinct = self.items()
        if len(items) == 1 and isinstance(items[0], n.Alias):
            return n.Agg((n.Alias(n.Call(function, (items[0].value,), distinct), items[0].name),))
        return n.Aggregate(function, items, distinct)

    def orderby(self) -> tuple[n.OrderKey, ...]:
        """Read an ordering's keys and directions."""
        keys: list[n.OrderKey] = []
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
                self.need(keyword not in ("order", "direction", "limit"))
                keys.append(self.order_key())
                group = 1
            self.direction(keys, group)
            if not self.accept(","):
                break
        return tuple(keys)

    def order_key(self) -> n.OrderKey:
        """Read one key."""
        start, depth = self.at, self.depth
        try:
            value = self.expression()
            if isinstance(value, n.Call) and value.name in ("asc", "desc") and len(value.args) == 1:
                return n.OrderKey(value.args[0], value.name == "desc")
            if self.next_is(",", ")", "asc", "desc", "ascending", "descending", "nulls"):
                return n.OrderKey(value)
            if self.kinds[self.at] == END:
                return n.OrderKey(value)
        except Unreadable:
            pass  # kept as raw text below
        self.depth = depth
        return n.OrderKey(self.raw_item(start))

    def at_directions(self, at: int) -> bool:
        """Whether a list of directions stands here: `[desc, asc]`."""
        word = self.texts[at].strip("'\"").lower()
        return word in ("asc", "desc", "true", "false") and self.texts[at + 1] in (",", "]")

    def directions(self, keys: list[n.OrderKey]) -> None:
        """Read `[desc, asc]` and apply it to the last keys, one each."""
        self.at += 1
        words: list[bool] = []
        while self.kinds[self.at] in (WORD, STRING):
            words.append(self.texts[self.at].strip("'\"").lower() in ("desc", "false"))
            self.at += 1
            if not self.accept(","):
                break
        self.close("]")
        self.need(len(words) <= len(keys))
        for index, descending in enumerate(words, len(keys) - len(words)):
            keys[index] = n.OrderKey(keys[index].key, descending, keys[index].nulls)

    def limit(self, method: str, actions: list[n.Action]) -> None:
        """Read `limit(n)`, `limit(n, offset = m)`, `offset(m)`; SQL's `limit(m, n)` skips m."""
        args = self.arguments(LIMIT_KEYS)
        values = [arg.value for arg in args if arg.keyword != "offset"]
        skipped = [arg.value for arg in args if arg.keyword == "offset"]
        if method == "offset":
            self.need(len(args) == 1)
            previous = actions[-1] if actions else None
            if isinstance(previous, n.Limit) and previous.offset is None:
                actions[-1] = n.Limit(previous.count, args[0].value)
            else:
                actions.append(n.Limit(n.Literal(-1), args[0].value))
            return
        if len(values) == 2 and not skipped:
            skipped, values = [values[0]], [values[1]]
        self.need(len(values) == 1 and len(skipped) < 2)
        if (
            actions
            and isinstance(actions[-1], n.Limit)
            and actions[-1].count == n.Literal(-1)
            and not skipped
        ):
            actions[-1] = n.Limit(values[0], actions[-1].offset)
        else:
            actions.append(n.Limit(values[0], skipped[0] if skipped else None))

    def combine(self, kind: str) -> list[n.Action]:
        """Read `union(df2)`, `intersect(df2, df3)`."""
        frames: list[n.Frame] = []
        for arg in self.arguments(COMBINE_KEYS):
            if arg.keyword == "all":
                if arg.value == n.Literal(True) and kind == "union":
                    kind = "union all"
                continue
            frame = as_frame(arg.value)
            if frame is None:
                raise self.fail()
            frames.append(frame)
        self.need(bool(frames))
        return [n.Combine(cast('Literal["union"]', kind), frame) for frame in frames]

    def join(self, kind: str) -> n.Action:
        """Read `from(t as a)`, `join(t as a, on = …)`, `left_join(…, using = [a, b])`."""
        source: n.Expr | None = None
        alias: str | None = None
        on: n.Expr | None = None
        using: tuple[str, ...] = ()
        natural = lateral = False
        columns: tuple[str, ...] = ()
        for arg in self.arguments(JOIN_KEYS):
            value = arg.value
            self.need(not isinstance(value, n.Raw))
            if arg.keyword == "on":
                on = value
            elif arg.keyword == "using":
                using = tuple(map(self.name, items_of(value)))
            elif arg.keyword == "columns":
                columns = tuple(map(self.name, items_of(value)))
            elif arg.keyword == "natural":
                natural = value == n.Literal(True)
            elif arg.keyword == "lateral":
                lateral = value == n.Literal(True)
            elif arg.keyword in ("kind", "how", "type"):
                kind = _KINDS.get(self.name(value).lower(), "")
                self.need(bool(kind))
            elif arg.keyword == "as":
                alias = name_of(value)
            elif source is None:
                source = value
                if isinstance(value, n.Alias):
                    source, alias = value.value, value.name
            elif on is None:
                on = value
            elif is_column(on) and is_column(value):
                on = n.Binary("=", on, value)
            else:
                raise self.fail()
        if source is None or not isinstance(source, n.ColumnRef | n.Mask | n.Frame | n.Call | n.Sql):
            raise self.fail()
        return n.Join(source, alias, cast('Literal["inner"]', kind), on, using, natural, columns, lateral)

    def named(self) -> n.Action:
        """Read `as(name, column, …)`."""
        name: str | None = None
        columns: list[str] = []
        for index, arg in enumerate(self.arguments(NAMED_KEYS)):
            if arg.keyword == "columns":
                columns += map(self.name, items_of(arg.value))
            elif index == 0:
                name = self.name(arg.value)
            else:
                columns.append(self.name(arg.value))
        return n.Named(name, tuple(columns))

    def values(self) -> n.Action:
        """Read `values((1, 2), (3, 4))`."""
        rows = []
        for arg in self.arguments(frozenset()):
            if not isinstance(arg.value, n.Tuple):
                raise self.fail()
            rows.append(arg.value.items)
        return n.Values(tuple(rows))


_WHERE_METHODS = word_set(
    "where filter orwhere or_where and_where or and having orhaving or_having where_not where_exists"
    " where_not_exists is_not_null"
)
_LIST_METHODS: dict[str, Callable[[ActionParser], n.Action]] = {
    "select": ActionParser.select,
    "qualify": lambda self: n.Qualify(condition_of(self, self.arguments(WHERE_KEYS))),
    "select_distinct": lambda self: n.Select(self.items()[0], True),
    "groupby": lambda self: n.GroupBy(self.items()[0]),
    "group_by": lambda self: n.GroupBy(self.items()[0]),
    "distinct": lambda self: n.Distinct(self.items()[0]),
    "agg": ActionParser.agg,
    "aggregate": ActionParser.agg,
    "values": ActionParser.values,
}
_KINDS = {
    "inner": "inner", "left": "left", "right": "right", "full": "full", "outer": "full", "cross": "cross",
    "left outer": "left", "right outer": "right", "full outer": "full", "from": "from",
}  # fmt: skip
