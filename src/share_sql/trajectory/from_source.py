"""The FROM clause as joins, and what the trajectory calls its sources and their columns."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.errors import SqlUnreadable
from share_sql.schema.model import Schema
from share_sql.sql.keywords import quoted_name
from share_sql.sql.resolution import Resolution
from share_sql.sql.scopes import MISSING, Cte, Scope, Source
from share_sql.trajectory import nodes as n
from share_sql.trajectory.from_expr import ExpressionBuilder
from share_sql.trajectory.from_expr_dialects import HANDLERS
from share_sql.trajectory.template_text import with_holes


@dataclass(slots=True)
class Built:
    """A query as actions, not yet placed."""

    source: str = n.DATABASE_FRAME
    joins: tuple[n.Action, ...] = ()
    wheres: tuple[n.Action, ...] = ()
    tail: tuple[n.Action, ...] = ()

    @property
    def actions(self) -> tuple[n.Action, ...]:
        """All of it in one chain."""
        return self.joins + self.wheres + self.tail


class SourceReader(ExpressionBuilder):
    """Reads FROM clauses and names columns by what they are resolved to; queries are left to a subclass."""

    def __init__(self, schema: Schema, resolution: Resolution) -> None:
        self.schema = schema
        self.dialect = schema.dialect
        self.facts = dialect_of(schema.dialect)
        self.handlers = HANDLERS[schema.dialect]
        self.resolution = resolution
        self.names = resolution.names | resolution.unread if resolution.unread else resolution.names
        self.qualifiers: dict[int, str] = {}
        """What the trajectory calls each source in front of a column, by its `id()`."""
        self.keep_names = False
        """True in a correlated query: its sources get names that no query around it uses."""

    @abstractmethod
    def nested(self, tree: Any) -> Built:
        """Walk an inner query."""

    @abstractmethod
    def values(self, tree: exp.Values) -> Built:
        """Walk a VALUES clause."""

    @abstractmethod
    def frame(self, built: Built, correlated: bool) -> n.Frame:
        """A reference to a walked query."""

    @abstractmethod
    def common_table(self, cte: Cte) -> str:
        """The step that holds a common table expression."""

    def joins(self, tree: exp.Select, scope: Scope) -> list[n.Join]:
        """The joins of a SELECT as written; its sources are called something from then on."""
        from_ = tree.args.get("from_")
        if from_ is None or (self.is_nothing(from_.this) and not tree.args.get("joins")):
            return []
        members: list[tuple[Any, Any]] = [(from_.this, None)]
        flatten_joins(from_.this, members)
        for join in tree.args.get("joins") or ():
            members.append((join.this, join))
            flatten_joins(join.this, members, join)
        bare = [_bare(member) for member, _ in members]
        tables = [member.name.lower() if isinstance(member, exp.Table) else None for member in bare]
        taken: set[str] = set()
        if self.keep_names:
            around = scope.parent.reach() if scope.parent is not None else ()
            taken = {
                self.qualifiers[id(source)].lower() for source in around if id(source) in self.qualifiers
            }
        made: list[tuple[n.Expr, str]] = []
        for (member, _), name in zip(members, tables, strict=True):
            source, qualifier, node = self.source(member, name is not None and tables.count(name) > 1, taken)
            taken.add(qualifier.lower())
            self.qualifiers[id(source)] = qualifier
            made.append((node, qualifier))
        # All sources first: some dialects let a condition refer to a table that is joined after it.
        return [self.join(*one, join, member) for one, (member, join) in zip(made, members, strict=True)]

    def join(self, node: n.Expr, qualifier: str, join: Any, member: Any) -> n.Join:
        """One join of a member of the FROM clause; its condition may name any source of the scope."""
        alias: str | None = qualifier
        columns = self.columns_named(member)
        if isinstance(node, n.ColumnRef) and node.name.lower() == qualifier.lower() and not columns:
            alias = None
        lateral = isinstance(member, exp.Lateral)
        if join is None:
            return n.Join(node, alias, "from", columns=columns, lateral=lateral)
        kind, natural = _join_kind(join)
        using = tuple(self.spell(column) for column in join.args.get("using") or ())
        on = join.args.get("on")
        plain = on is None or (isinstance(on, exp.Boolean) and on.this)
        condition = None if plain else self.expr(on)
        return n.Join(node, alias, kind, condition, using, natural, columns, lateral)  # type: ignore[arg-type]

    def is_nothing(self, tree: Any) -> bool:
        """Whether a FROM item is the dialect's word for no table at all."""
        if not isinstance(tree, exp.Table) or tree.args.get("db") is not None:
            return False
        return tree.name.lower() == self.facts.nothing != "" and self.schema.table(tree.name) is None

    def columns_named(self, tree: Any) -> tuple[str, ...]:
        """The new names that a FROM item gives to the columns of a table or a function."""
        if isinstance(tree, exp.Subquery | exp.Values):
            return ()  # its last action names them
        alias = tree.args.get("alias")
        names = list(alias.args.get("columns") or ()) if isinstance(alias, exp.TableAlias) else []
        if any(not isinstance(name, exp.Identifier) for name in names):
            raise SqlUnreadable("columns of a source with their types are not supported")
        inner = tree.this if isinstance(tree, exp.Lateral) else tree
        offset = inner.args.get("offset") if isinstance(inner, exp.Unnest) else None
        if isinstance(offset, exp.Identifier) and names:
            names.append(offset)
        return tuple(map(self.spell, names))

    def source(self, tree: Any, twice: bool, taken: set[str]) -> tuple[Source, str, n.Expr]:
        """A member of the FROM clause: the source, its qualifier, and what a Join action brings in.

        `twice` says that its table stands in the clause more than once, so that its alias must stay.
        `taken` are the qualifiers, in lower case, that it may not have.
        """
        while isinstance(tree, exp.Subquery) and isinstance(unwrap(tree), exp.Table):
            tree = unwrap(tree)
        source = self.resolution.sources.get(id(tree))
        if source is None:
            raise SqlUnreadable(f"{type(tree).__name__} is not supported in FROM")
        self.refuse_rest(tree)
        if isinstance(tree, exp.Unnest) or (
            isinstance(tree, exp.Lateral) and not isinstance(tree.this, exp.Subquery)
        ):
            return source, free(source.name or fresh("part", taken), taken), self.rows(tree)
        if not isinstance(tree, exp.Table):
            frame = self.derived(tree)
            base = frame.source if not frame.actions else "part"
            name = source.name or fresh("rows" if isinstance(tree, exp.Values) else base, taken)
            return source, free(name, taken), frame
        if isinstance(tree.this, exp.Func):
            call = self.rows(tree)
            name = source.name if tree.alias else call.name if isinstance(call, n.Call) else "part"
            return source, free(name, taken), call
        alias = source.name if tree.alias else ""
        if source.cte is not None:
            step = self.common_table(source.cte)
            return source, free(alias or step, taken), n.Frame(step)
        spelled = source.table.name if source.table else self.as_named(tree)
        wanted = alias if (twice or self.columns_named(tree)) and alias else spelled
        if wanted.lower() in taken and alias:
            wanted = alias
        return source, free(wanted, taken), n.ColumnRef(None, spelled)

    def as_named(self, tree: exp.Table) -> str:
        """The table that a FROM item names, which is no source of its own in the schema."""
        place = tree.args.get("db")
        name = self.spell(tree.this)
        found = self.resolution_table(tree)
        if found is not None or place is None or not self.facts.namespaces:
            return found or name
        return f"{self.spell(place)}.{name}"

    def resolution_table(self, tree: exp.Table) -> str | None:
        """The schema's table, where new names of its columns hide that it is one."""
        place = tree.args.get("db")
        name = self.spell(tree.this)
        table = self.schema.table(f"{self.spell(place)}.{name}" if place is not None else name)
        return table.name if table is not None else None

    def rows(self, tree: Any) -> n.Expr:
        """What gives a source's rows: a function, or a list that is taken apart."""
        inner = tree.this if isinstance(tree, exp.Lateral | exp.Table) else tree
        if not isinstance(inner, exp.Unnest):
            made = self.expr(inner)
            if not tree.args.get("ordinality"):
                return made
            if isinstance(made, n.Call):
                holes = with_holes([""] + [", "] * (len(made.args) - 1) + [""] * bool(made.args))
                made = n.Sql(f"{made.name.upper()}({holes})", made.args)
            assert isinstance(made, n.Sql)
            return n.Sql(f"{made.text} WITH ORDINALITY", made.holes)
        holes = ", ".join("{}" for _ in inner.expressions)
        offset = " WITH ORDINALITY" if inner.args.get("offset") else ""
        return n.Sql(f"UNNEST({holes}){offset}", self.exprs(inner.expressions))

    def refuse_rest(self, tree: Any) -> None:
        """Refuse what stands with a FROM item and would change its rows."""
        for key, what in (
            ("sample", "TABLESAMPLE"),
            ("pivots", "PIVOT"),
            ("when", "AS OF"),
            ("version", "AS OF"),
        ):
            if tree.args.get(key):
                raise SqlUnreadable(f"{what} is not supported in FROM")

    def derived(self, tree: Any) -> n.Frame:
        """A query in the FROM clause."""
        if isinstance(tree, exp.Values):
            built, correlated = self.values(tree), False
        elif isinstance(tree, exp.Subquery | exp.Lateral):
            inner = unwrap(tree.this if isinstance(tree, exp.Lateral) else tree)
            built, correlated = self.nested(inner), self.resolution.correlated(inner)
        else:
            raise SqlUnreadable(f"{type(tree).__name__} is not supported in FROM")
        alias = tree.args.get("alias")
        columns = tuple(self.spell(name) for name in alias.args.get("columns") or ()) if alias else ()
        if columns and not isinstance(tree, exp.Lateral):
            built.tail = (*built.tail, n.Named(None, columns))
        return self.frame(built, correlated)

    # -------------------------------------------------------------- names

    def called(self, source: Source) -> str:
        """The source's qualifier."""
        return self.qualifiers.get(id(source), source.name)

    def column(self, tree: exp.Column) -> n.Expr:
        """A column by its source's qualifier, or what its name stands for instead.

        A bare name that several sources have is taken from the first; one that none is known to have from
        the only one whose columns are not known, or the only one there is.
        """
        name, table = self.spell(tree.this), tree.table
        bound = self.names.get(id(tree))
        if bound is not None and bound.whole and bound.source is not None:
            return n.ColumnRef(None, self.called(bound.source))
        if bound is not None and bound.path:
            inner = n.ColumnRef(self.called(bound.source) if bound.source else None, bound.name)
            if bound.source is not None and bound.source.spelled(bound.name):
                inner = n.ColumnRef(inner.table, bound.source.spelled(bound.name) or bound.name)
            fields = "".join(f".{quoted_name(part, self.dialect)}" for part in bound.path)
            return n.Sql(with_holes(["", fields]), (inner,))
        if isinstance(tree.this, exp.Star):
            return n.Star(self.called(bound.source) if bound and bound.source else table)
        if bound is None:
            return n.ColumnRef(table or None, name)
        if bound.status == "text":
            return n.Literal(name)
        source = bound.source
        if source is not None and source.open and not table:  # a guess
            unknown = [other for other in bound.scope.sources if other.open]
            source = unknown[0] if len(unknown) == 1 else None
        if source is None and bound.result is not None:
            item = bound.result.item
            return self.expr(item.this) if item is not None else n.ColumnRef(None, bound.result.name)
        if source is None and table:
            known = self.schema.table(table)
            spelled = known.column(name) if known else None
            return n.ColumnRef(known.name if known else table, spelled.name if spelled else name)
        if source is None:
            sources = bound.scope.sources
            return n.ColumnRef(self.called(sources[0]) if len(sources) == 1 else None, name)
        if not table and name.lower() in source.either:
            return n.ColumnRef(None, name)  # the value of whichever side has one
        for part in source.parts:
            if part.has(name):
                source = part
                break
        if source.folded and not source.open and source.find(name) is MISSING:
            return n.ColumnRef(self.called(source), name)  # a name that the database does not find
        return n.ColumnRef(self.called(source), source.spelled(name) or name)


def free(wanted: str, taken: set[str]) -> str:
    """The name, or one like it that is not taken."""
    return fresh(wanted, taken) if wanted.lower() in taken else wanted


def fresh(base: str, taken: set[str]) -> str:
    """A name with a number that is not taken."""
    number = 2
    while f"{base}_{number}".lower() in taken:
        number += 1
    return f"{base}_{number}"


def unwrap(tree: Any) -> Any:
    """Drop parentheses around a query."""
    while isinstance(tree, exp.Subquery | exp.Paren) and not (
        tree.args.get("joins") or tree.args.get("order") or tree.args.get("limit")
    ):
        tree = tree.this
    return tree


def _bare(tree: Any) -> Any:
    """Drop parentheses around a table."""
    while isinstance(tree, exp.Subquery) and isinstance(tree.this, exp.Table):
        tree = tree.this
    return tree


def flatten_joins(tree: Any, members: list[tuple[Any, Any]], outer: Any = None) -> None:
    """`(a JOIN b ON …)` in parentheses: for inner joins the same as without them."""
    inner = _bare(tree)
    if inner is tree and not (isinstance(tree, exp.Table) and tree.args.get("joins")):
        return
    if outer is not None and outer.args.get("side") and inner.args.get("joins"):
        raise SqlUnreadable("joins in parentheses on the right of an outer join are not supported")
    for join in inner.args.get("joins") or ():
        members.append((join.this, join))
        flatten_joins(join.this, members, join)


def _join_kind(join: Any) -> tuple[str, bool]:
    side = (join.args.get("side") or "").lower()
    kind = (join.args.get("kind") or "").lower()
    method = (join.args.get("method") or "").lower()
    natural = method == "natural"
    if kind not in ("", "inner", "outer", "cross", "straight_join") or method not in ("", "natural"):
        raise SqlUnreadable(f"{(method or kind).upper()} JOIN is not supported")
    if side in ("left", "right", "full"):
        return side, natural
    plain = not join.args.get("on") and not join.args.get("using") and not natural
    return ("cross" if kind == "cross" or plain else "inner"), natural
