"""Names that do not bind: misspelt tables and columns, columns of another table, ambiguous names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sqlglot import exp

from share_sql.dialects import dialect_of
from share_sql.edits.edit import Edit
from share_sql.edits.key_names import along_key, using_keys
from share_sql.edits.likely import named_share
from share_sql.edits.missing_joins import joined
from share_sql.edits.rename import renamed
from share_sql.edits.spelling import NEAR, WEAK, column_likeness, likeness, only
from share_sql.edits.table_names import unknown_tables
from share_sql.query.asked import words
from share_sql.query.examined import UNBOUND, Examined
from share_sql.query.named import called
from share_sql.schema.model import SameSchema, Table
from share_sql.sql.scopes import Bound, Source

_OWN = 96.0
"""Likeness from which a column of the table named before it is meant, though another has the very name."""
_MOST_NAMES = 30
"""Names that do not bind for which mends are proposed, at most; with more a draft is beyond mending."""
_SAME_WORDS = 94.0
"""Likeness of names that are the same but for the table's name in one of them."""


def names(draft: Examined) -> Iterator[Edit]:
    """Propose mends for the names that do not bind; only for drafts that do not run."""
    if draft.runs:
        return
    yield from unknown_tables(draft)
    yield from using_keys(draft)
    done: set[tuple[int, str, str]] = set()
    for bound in draft.binding.names.values():
        use = (id(bound.scope), bound.node.table.lower(), bound.node.name.lower())
        if bound.status in UNBOUND and use not in done:
            if len(done) >= _MOST_NAMES:
                return
            done.add(use)
            yield from _column(draft, bound)


def _column(draft: Examined, bound: Bound) -> Iterator[Edit]:
    if bound.status == "ambiguous":
        yield from _qualify(draft, bound)
        return
    written = bound.node.name
    in_reach = bound.scope.reach()
    spelled = _spelled(bound, in_reach)
    own = [entry for entry in spelled if bound.source is not None and entry[0] >= _OWN]
    yield from _respelled(draft, bound, own[:1], in_reach)
    yield from along_key(draft, bound)
    # The column of another source in reach.
    for source in in_reach:
        is_there = source.table is not None and source.table.column(written) is not None
        if source.table is not None and is_there and not _is_opposite(draft, bound, source):
            yield Edit(
                "wrong-table",
                f"{draft.text(bound.node)} is not there; {source.table.name} has {written}",
                renamed(draft, bound, called(source, draft.schema.dialect), _folded(draft, source, written)),
            )
    # A misspelling of a column in reach; where some table has the very name, only one of a letter or two.
    near = [entry for entry in spelled if entry[0] >= NEAR]
    is_sure = bound.source is not None or not draft.schema.tables_with(written)
    misspelt = near if is_sure else [entry for entry in near if likeness(written, entry[2]) >= NEAR]
    yield from _respelled(draft, bound, misspelt[:2], in_reach)
    # The column of a table that is not in FROM: bring it in along the keys.
    owners = list(draft.schema.tables_with(written))
    named = draft.schema.table(bound.node.table) if bound.status == "unknown-source" else None
    if named is not None and named.column(written) is not None:
        owners = [named]
    yield from joined(draft, bound, owners, written)
    yield from _respelled(draft, bound, near[:2], in_reach)
    # A name that one column alone shortens, holds or explains.
    weak = only((share, f"{source.name}.{name}") for share, source, name in spelled)
    found = [entry for entry in spelled if weak is not None and f"{entry[1].name}.{entry[2]}" == weak[1]]
    yield from _respelled(draft, bound, found or _meant(draft, bound, in_reach), in_reach)
    if not owners:
        if named is not None:
            own_name = _alike(written, named)
            elsewhere = [own_name] if own_name is not None else []
        else:
            present = {table.name for table in bound.scope.tables}
            everywhere = _alike_anywhere(SameSchema(draft.schema), written)
            elsewhere = [entry for entry in everywhere if entry[0].name not in present]
        if len(elsewhere) == 1:
            yield from joined(draft, bound, [elsewhere[0][0]], elsewhere[0][1])


def _folded(draft: Examined, source: Source, written: str) -> str | None:
    """The source's own spelling of a column, where the dialect counts it; None where case does not count."""
    return source.spelled(written) if dialect_of(draft.schema.dialect).name_case == "folded" else None


def _is_opposite(draft: Examined, bound: Bound, source: Source) -> bool:
    """Whether the other side of a comparison is that very column: `a.x = a.x` joins nothing."""
    parent = bound.node.parent
    if not isinstance(parent, exp.EQ):
        return False
    other = parent.expression if parent.this is bound.node else parent.this
    theirs = draft.binding.names.get(id(other))
    return (
        theirs is not None and theirs.source is source and theirs.node.name.lower() == bound.node.name.lower()
    )


def _spelled(bound: Bound, in_reach: list[Source]) -> list[tuple[float, Source, str]]:
    """The columns that may be meant by a name, nearest first; of the source before it, where that is one."""
    sources = [source for source in in_reach if not bound.node.table or bound.source in (None, source)]
    found = [
        (column_likeness(bound.node.name, name, source.table), source, name)
        for source in sources
        for name, _ in source.outputs()
        if name
    ]
    return sorted((entry for entry in found if entry[0] >= WEAK), key=lambda entry: -entry[0])


def _respelled(
    draft: Examined, bound: Bound, found: list[tuple[float, Source, str]], in_reach: list[Source]
) -> Iterator[Edit]:
    written = bound.node.name
    for near, source, name in found:
        owner = called(source, draft.schema.dialect) if bound.node.table or len(in_reach) > 1 else None
        tree = renamed(draft, bound, owner, name)
        why = "is the nearest name" if near >= NEAR else "is the only name like it"
        yield Edit("unknown-column", f"there is no column {written}; {name} {why}", tree)


def _meant(draft: Examined, bound: Bound, in_reach: list[Source]) -> list[tuple[float, Source, str]]:
    """The one column whose meaning has all the words of a name."""
    wanted = words(bound.node.name)
    found = [
        (WEAK, source, column.name)
        for source in in_reach
        if source.table is not None and (not bound.node.table or bound.source in (None, source))
        for column in source.table.columns
        if wanted and column.meaning and wanted <= words(column.meaning)
    ]
    return found if len(found) == 1 else []


@lru_cache(maxsize=256)
def _alike_anywhere(same: SameSchema, written: str) -> tuple[tuple[Table, str], ...]:
    """What `_alike` finds in each table of a schema."""
    found = (_alike(written, table) for table in same.schema.tables)
    return tuple(entry for entry in found if entry is not None)


def _alike(written: str, table: Table) -> tuple[Table, str] | None:
    """The column of a table that has the same words as a name."""
    found = [
        name
        for column in table.columns
        if column_likeness(written, name := column.name, table) >= _SAME_WORDS
    ]
    return (table, found[0]) if len(found) == 1 else None


def _qualify(draft: Examined, bound: Bound) -> Iterator[Edit]:
    """An ambiguous name: the source that grouping or the question points to, else the first."""
    select = bound.scope.select
    group = select.args.get("group")
    grouped = {
        column.table.lower()
        for column in (group.find_all(exp.Column) if group is not None else ())
        if column.name.lower() == bound.node.name.lower() and column.table
    }

    def rank(source: Source) -> tuple[bool, bool, float, int]:
        table = source.table
        refers = table is not None and any(
            key.table == table.name and key.column.lower() == bound.node.name.lower()
            for key in draft.schema.foreign_keys
        )
        named = named_share(table.name, draft.question) if table is not None else 0.0
        return (source.name.lower() not in grouped, refers, -named, bound.scope.sources.index(source))

    choices = [source for source in bound.choices if source in bound.scope.sources] or list(bound.choices)
    for source in sorted(choices, key=rank):
        holders = " and ".join(holder.name for holder in bound.choices)
        yield Edit(
            "ambiguous-column",
            f"{bound.node.name} is in {holders}; taken from {source.name}",
            renamed(
                draft, bound, called(source, draft.schema.dialect), _folded(draft, source, bound.node.name)
            ),
        )
