"""From a trajectory to SQL, deterministic: the same trajectory and schema give the same text.

Steps are compiled from the answer backwards: a step that is used as a value or in FROM becomes a
subquery, one used in FROM several times or by itself a common table expression. Join actions are used
as they stand; a frame without them gets its joins from the foreign keys (`joins.join_path`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from share_sql.errors import CompileError
from share_sql.schema.model import Schema
from share_sql.trajectory import nodes as n
from share_sql.trajectory.derive import derive
from share_sql.trajectory.joins import join_path
from share_sql.trajectory.lower import Block, lower
from share_sql.trajectory.meaning import settle
from share_sql.trajectory.sql_names import NamePrinter, PrintScope
from share_sql.trajectory.templates import checked
from share_sql.trajectory.usage import columns_used, tables_used, texts_used


def to_sql(trajectory: n.Trajectory, schema: Schema, *, hint: str = "", guess: bool = False) -> str:
    """Compile a trajectory.

    Args:
        trajectory: typed steps; the answer is the step `res`, else the last one.
        schema: its tables and columns; joins come from its foreign keys where the trajectory has none.
        hint: words that decide between equally short join paths, such as question and evidence.
        guess: where nothing decides between them, take the likeliest instead of raising (`join_path`).

    Returns:
        One SELECT in the schema's dialect, in one line.

    Raises:
        CompileError: the trajectory holds something that no SQL can be made of: raw text, a mask, an
            unknown table or column. The message says what, in one line.
        JoinPathError: the tables used have no join path, or several equally short ones.
    """
    result = trajectory.result
    if result is None:
        raise CompileError("the trajectory is empty")
    try:
        settled = settle(trajectory, schema, hint)
        return _Compiler(settled, schema, hint, guess).compile()
    except RecursionError as error:
        raise CompileError("the trajectory is nested too deeply to be compiled") from error


MAX_USES = 20_000
"""Actions of one statement: a step that two steps use, which two others use, doubles it each time."""


_NO_END = {"postgres": "", "duckdb": "", "mysql": " LIMIT 18446744073709551615"}
"""A LIMIT that lets all rows pass, where LIMIT -1 does not."""


class _Compiler(NamePrinter):
    def __init__(self, trajectory: n.Trajectory, schema: Schema, hint: str, guess: bool) -> None:
        super().__init__(schema, {step.name.lower(): step for step in trajectory.steps})
        self.hint = hint
        self.guess = guess
        self.trajectory = trajectory
        self.position = {step.name.lower(): index for index, step in enumerate(trajectory.steps)}
        self.active: list[str] = []
        """Steps being compiled, so that one that names itself is seen."""
        self.used = 0
        """Actions used so far, those of a step that is used again counted again."""
        self.shared = self._shared_steps()
        self.with_texts: dict[str, str] = {}
        self.recursive = False

    # ---------------------------------------------------------------- steps

    def _shared_steps(self) -> set[str]:
        """Steps that stand in FROM several times, name their columns or refer to themselves."""
        counts: Counter[str] = Counter()
        for step in self.trajectory.steps:
            if not isinstance(step.value, n.Frame):
                continue
            for node in step.value.walk():
                source = node.source if isinstance(node, n.Join) else None
                if isinstance(source, n.ColumnRef) and self.schema.table(source.name) is None:
                    source = n.Frame(source.name)  # a recursive step, read before its name was known
                if isinstance(source, n.Frame) and not source.actions:
                    key = source.source.lower()
                    counts[key] += 2 if key == step.name.lower() or self._named_columns(key) else 1
        return {key for key, count in counts.items() if count > 1 and key in self.steps}

    def _named_columns(self, key: str) -> tuple[str, ...]:
        """The names that a step gives to its columns, the last ones given."""
        step = self.steps.get(key)
        actions = step.value.actions if step is not None and isinstance(step.value, n.Frame) else ()
        named = [action.columns for action in actions if isinstance(action, n.Named) and action.columns]
        return named[-1] if named else ()

    def compile(self) -> str:
        """The whole statement."""
        result = self.trajectory.result
        assert result is not None
        self.active.append(result.name.lower())
        text = self.query_text(result.value)
        if not self.with_texts:
            return text
        parts = [self.with_texts[key] for key in sorted(self.with_texts, key=self.position.__getitem__)]
        return f"WITH {'RECURSIVE ' if self.recursive else ''}{', '.join(parts)} {text}"

    def flatten(self, value: n.Expr) -> list[n.Action] | None:
        """The chain of actions behind a frame, from `df` on; None for what is no frame."""
        actions: list[tuple[n.Action, ...]] = []
        seen: set[str] = set()
        while isinstance(value, n.Frame):
            actions.append(value.actions)
            self.used += len(value.actions) + 1
            if self.used > MAX_USES:
                raise CompileError("the trajectory's steps use each other too often to be compiled")
            key = value.source.lower()
            if key == n.DATABASE_FRAME:
                return [action for chain in reversed(actions) for action in chain]
            step = self.steps.get(key)
            if step is None:
                raise CompileError(f"there is no step {value.source!r} before its use")
            if key in seen:
                raise CompileError(f"the step {value.source!r} is made of itself")
            seen.add(key)
            value = step.value
        return None

    def query_text(self, frame: n.Expr) -> str:
        """A frame's SELECT."""
        actions = self.flatten(frame)
        if actions is None:
            return f"SELECT {self.expr(self.scalar(frame))}"
        return self.block(lower(actions, self.flatten))

    def scalar(self, value: n.Expr) -> n.Expr:
        """The expression behind a step that is no frame."""
        while isinstance(value, n.Frame) and not value.actions:
            value = self.steps[value.source.lower()].value
        if isinstance(value, n.Frame):
            raise CompileError(f"the step {value.source!r} is a value, no frame: nothing can be done on it")
        return value

    # ---------------------------------------------------------------- blocks

    def block(self, block: Block) -> str:
        """Print a SELECT, set operations and all."""
        if not block.combines:
            return self.select(block)
        order, limit = block.order, block.limit
        whole = self._left(block)
        loose = False
        for kind, other in block.combines:
            if kind.startswith("intersect") and loose and self.facts.members_bracketed:
                whole = f"({whole})"  # INTERSECT binds more tightly, but in SQLite
            loose = not kind.startswith("intersect")
            whole += f" {kind.upper()} {self._branch(other)}"
        if order:
            whole += f" ORDER BY {self._compound_order(block, order)}"
        return whole + self._limit(limit)

    def _branch(self, block: Block) -> str:
        """The right side of a set operation; with ORDER BY, LIMIT or nesting it must be wrapped."""
        if block.combines or block.order or block.limit is not None:
            return self._wrapped(self.block(block))
        return self.select(block)

    def _wrapped(self, query: str) -> str:
        """A member of a set operation that is no plain SELECT; SQLite takes no parentheses there."""
        return f"({query})" if self.facts.members_bracketed else f"SELECT * FROM ({query})"  # noqa: S608

    def _left(self, block: Block) -> str:
        """The left side: the block without its set operations, and with its own ORDER BY and LIMIT."""
        alone = replace(block, order=(), limit=None, combines=[], sorted=None)
        if block.sorted is not None:
            alone.order, alone.limit = block.sorted
        text = self.select(alone)
        block.items = alone.items
        return text if block.sorted is None else self._wrapped(text)

    def _compound_order(self, block: Block, keys: tuple[n.OrderKey, ...]) -> str:
        """Keys after a set operation, as positions: an expression there must equal an output's."""
        items = [n.unnamed(item) for item in block.items or ()]
        names = [
            item.name.lower() if isinstance(item, n.Alias | n.ColumnRef) else None
            for item in block.items or ()
        ]
        printed = []
        for key in keys:
            target: n.Expr = key.key
            collation = ""
            if isinstance(target, n.Binary) and target.op == "collate":
                if isinstance(target.right, n.Literal):
                    collation = f" COLLATE {self.name(str(target.right.value))}"
                target = target.left
            if target in items:
                at = str(items.index(target) + 1)
            elif isinstance(target, n.ColumnRef) and target.name.lower() in names:
                at = str(names.index(target.name.lower()) + 1)
            elif isinstance(target, n.ColumnRef):
                at = self.name(target.name)
            elif isinstance(target, n.Literal):
                at = self.expr(target)
            else:
                raise CompileError("a set operation can only be ordered by a column that it gives")
            printed.append(f"{at}{collation}{self.direction(key)}")
        return ", ".join(printed)

    def _limit(self, limit: n.Limit | None) -> str:
        if limit is None:
            return ""
        no_end = limit.count == n.Literal(-1)
        text = _NO_END.get(self.dialect, " LIMIT -1") if no_end else f" LIMIT {self.expr(limit.count)}"
        return text if limit.offset is None else f"{text} OFFSET {self.expr(limit.offset)}"

    def select(self, block: Block) -> str:
        """Print one SELECT without set operations."""
        if block.values is not None:
            return self.values_text(block.values, block.columns)
        if block.items is None:
            # A frame that never selected gives groups and their aggregates, else whole rows.
            block.items = (*(block.group or ()), *block.aggs) or (n.Star(),)
        scope = PrintScope(outputs=frozenset(i.name.lower() for i in block.items if isinstance(i, n.Alias)))
        self.scopes.append(scope)
        try:
            source = (
                self.from_inner(block, scope) if block.inner is not None else self.from_text(block, scope)
            )
            items = block.items or (n.Star(),)
            text = (
                f"SELECT {'DISTINCT ' if block.distinct else ''}{self.distinct_on(block)}{self.list(items)}"
            )
            if source:
                text += f" FROM {source}"
            if block.where is not None:
                text += f" WHERE {self.expr(block.where)}"
            if block.group:
                text += f" GROUP BY {self.group_keys(block.group)}"
            if block.having is not None:
                text += f" HAVING {self.expr(block.having)}"
            if block.qualify is not None:
                self.must_have("QUALIFY")
                text += f" QUALIFY {self.expr(block.qualify)}"
            if block.order:
                text += f" ORDER BY {self.order(block.order)}"
            return text + self._limit(block.limit)
        finally:
            self.scopes.pop()

    def must_have(self, what: str) -> None:
        """Refuse what the schema's dialect does not have."""
        if what not in self.facts.has:
            raise CompileError(f"{what} is not {self.facts.title}'s")

    def distinct_on(self, block: Block) -> str:
        if not block.on:
            return ""
        self.must_have("DISTINCT ON")
        return f"DISTINCT ON ({self.list(block.on)}) "

    def group_keys(self, keys: tuple[n.Expr, ...]) -> str:
        """The keys of groups; those that are SQL text may be ROLLUP, CUBE and their like."""
        text = ""
        for key in keys:
            sql = isinstance(key, n.Sql)
            part = self.filled(key, checked(key.text, self.dialect, "key")) if sql else self.expr(key)  # type: ignore[arg-type,union-attr]
            text += (" " if part.startswith("WITH ") else ", ") + part if text else part
        return text

    def order(self, keys: Iterable[n.OrderKey]) -> str:
        """An ORDER BY list; where NULLs cannot be placed, they are sorted by a key of their own."""
        if self.facts.nulls_placed:
            return super().order(keys)
        parts = []
        for key in keys:
            if key.nulls is not None:
                parts.append(f"{self.expr(key.key, 6)} IS NULL{' DESC' if key.nulls == 'first' else ''}")
            parts.append(self.key(key.key) + self.direction(replace(key, nulls=None)))
        return ", ".join(parts)

    def values_text(self, rows: tuple[tuple[n.Expr, ...], ...], columns: tuple[str, ...]) -> str:
        """A constant table; MySQL and MariaDB spell VALUES in different ways, so there it is a UNION."""
        if self.facts.values_table:
            return "VALUES " + ", ".join([f"({self.list(row)})" for row in rows])
        names = [*columns, *(f"column_{at}" for at in range(len(columns), len(rows[0]) if rows else 0))]
        first = ", ".join(
            [f"{self.expr(item)} AS {self.name(name)}" for item, name in zip(rows[0], names, strict=False)]
        )
        return " UNION ALL ".join([f"SELECT {first}", *(f"SELECT {self.list(row)}" for row in rows[1:])])

    # ---------------------------------------------------------------- FROM

    def from_text(self, block: Block, scope: PrintScope) -> str:
        if not block.joins or self.only_begins(block):
            return self.from_keys(block, scope)
        scope.qualify = len(block.joins) > 1 or bool(scope.outputs)
        scope.explicit = True
        texts = []
        for join in block.joins:  # in order: a function's arguments may name the sources before it
            texts.append(self.join_source(join))
            _, called, columns = texts[-1]
            scope.sources[called.lower()] = columns
            scope.spelled[called.lower()] = called
        pairs = zip(block.joins, texts, strict=True)
        return "".join(
            [self.join_text(join, text, index == 0) for index, (join, (text, _, _)) in enumerate(pairs)]
        )

    def only_begins(self, block: Block) -> bool:
        """Whether the only join action names the table to begin with (`player.where(…)`), and the frame
        uses more: then the keys join the others."""
        first = block.joins[0].source
        if len(block.joins) > 1 or not isinstance(first, n.ColumnRef) or block.joins[0].alias is not None:
            return False
        known = {key for above in self.scopes for key in above.sources} | {first.name.lower()}
        others = [table for table in tables_used(block.body) if table.lower() not in known]
        return bool(others) and all(map(self.schema.table, [first.name, *others]))

    def join_text(self, join: n.Join, text: str, first: bool) -> str:
        text = text if join.alias is None else f"{text} AS {self.name(join.alias)}"
        if join.columns:
            text += f"({', '.join(map(self.name, join.columns))})"
        if join.lateral:
            self.must_have("LATERAL")
            text = f"LATERAL {text}"
        if first:
            return text
        if join.kind == "cross" and join.on is None and not join.natural:
            return f" CROSS JOIN {text}"
        word = {"inner": "JOIN", "from": "JOIN", "cross": "CROSS JOIN"}.get(
            join.kind, f"{join.kind.upper()} JOIN"
        )
        text = f" {'NATURAL ' if join.natural else ''}{word} {text}"
        if join.on is not None:
            text += f" ON {self.expr(join.on)}"
        elif join.using:
            text += f" USING ({', '.join(map(self.name, join.using))})"
        elif self.facts.joins_need_on and not join.natural:
            text += " ON TRUE"
        return text

    def join_source(self, join: n.Join) -> tuple[str, str, frozenset[str] | None]:
        """A source's text, what it is called, and its columns where they are known."""
        source = join.source
        if isinstance(source, n.ColumnRef) and source.table is None:
            table = self.schema.table(source.name)
            spelled = table.name if table else source.name
            if table is None and source.name.lower() in self.steps:
                return self.join_source(n.Join(n.Frame(source.name), join.alias))
            known = frozenset(c.name.lower() for c in table.columns) if table else None
            if join.columns:
                known = None
            return self.table_name(spelled), join.alias or spelled, known
        if isinstance(source, n.Frame):
            key = source.source.lower()
            if not source.actions and key in self.shared:
                self.share(key)
                step = self.steps[key]
                return self.name(step.name), join.alias or step.name, None
            called = join.alias or source.source
            text = f"({self.query_text(source)})"
            return (text if join.alias else f"{text} AS {self.name(called)}"), called, None
        if isinstance(source, n.Call):
            return self.expr(source), join.alias or source.name, None
        if isinstance(source, n.Sql) and join.alias is not None:
            return self.filled(source, checked(source.text, self.dialect, "source")), join.alias, None
        raise CompileError(f"{type(source).__name__} cannot be joined")

    def share(self, key: str) -> None:
        """Print a step as a common table expression, once."""
        if key in self.active:
            self.recursive = True
            return
        if key in self.with_texts:
            return
        step = self.steps[key]
        outer, self.scopes = self.scopes, []
        self.active.append(key)
        try:
            text = self.query_text(step.value)
        finally:
            self.active.pop()
            self.scopes = outer
        columns = self._named_columns(key)
        listed = f"({', '.join(map(self.name, columns))})" if columns else ""
        self.with_texts[key] = f"{self.name(step.name)}{listed} AS ({text})"

    def from_keys(self, block: Block, scope: PrintScope) -> str:
        """FROM and joins along foreign keys, for the tables that the block uses."""
        body = block.body
        outer = {key for above in self.scopes[:-1] for key in above.sources}
        used = [join.source.name for join in block.joins if isinstance(join.source, n.ColumnRef)]
        for called in tables_used(body):
            if self.schema.table(called) is None:
                if called.lower() in outer:
                    continue
                raise CompileError(f"the schema {self.schema.name} has no table {called!r}")
            used.append(called)
        if not used:
            return ""
        tree = join_path(self.schema, used, columns_used(body), self.hint, texts_used(body), guess=self.guess)
        for called in tree.tables:
            table = self.schema.table(called)
            assert table is not None
            scope.sources[called.lower()] = frozenset(c.name.lower() for c in table.columns)
            scope.spelled[called.lower()] = called
        scope.qualify = len(tree.tables) > 1 or bool(scope.outputs)
        text = self.table_name(tree.tables[0])
        for called, edge in zip(tree.tables[1:], tree.edges, strict=True):
            one, other = self.table_name(edge.table), self.table_name(edge.to_table)
            pairs = [f"{one}.{self.name(a)} = {other}.{self.name(b)}" for a, b in edge.pairs]
            text += f" JOIN {self.table_name(called)} ON {' AND '.join(pairs)}"
        return text

    def from_inner(self, block: Block, scope: PrintScope) -> str:
        """A derived table, without a name: nothing else stands beside it."""
        inner = block.inner
        assert inner is not None
        derive(block)
        scope.sources[""] = None
        scope.qualify = False
        above, self.scopes = self.scopes, self.scopes[:-1]
        try:
            # Most dialects want a name for it, though nothing uses it.
            return f"({self.block(inner)})" + (" AS part" if self.facts.derived_named else "")
        finally:
            self.scopes = above
