"""Which columns an edit may put in another's place: those of the query's own tables, likeliest first."""

from __future__ import annotations

from sqlglot import exp

from share_sql.query.asked import words
from share_sql.query.examined import Examined
from share_sql.query.named import called, identifier
from share_sql.schema.model import Column
from share_sql.sql.scopes import Scope, Source

_NUMBERS = ("int", "real", "num", "dec", "doub", "float", "bool")


def scope_of(draft: Examined, select: exp.Expr | None) -> Scope | None:
    """The scope of a SELECT of the draft."""
    return next((scope for scope in draft.binding.scopes if scope.select is select), None)


def kind_of(column: Column) -> str:
    """`number` or `text`: columns of one kind can stand in each other's place."""
    return "number" if any(word in column.type.lower() for word in _NUMBERS) else "text"


def named_share(name: str, *texts: str) -> float:
    """Share of a name's words that texts hold, 0 to 1."""
    parts = words(name)
    present = frozenset[str]().union(*map(words, texts))
    return len(parts & present) / len(parts) if parts else 0.0


def other_columns(
    draft: Examined, scope: Scope, *, like: tuple[str, str] | None = None, least: float = 0.5, most: int = 4
) -> list[exp.Column]:
    """Columns of a scope's tables that the question's words speak of, likeliest first.

    Args:
        draft: the query.
        scope: whose sources to look through.
        like: a column (table, column) whose place is to be taken: only columns of its kind, not itself, and
            none that the question names less.
        least: the least share of a name's words that the question must have; the same column name in another
            table of the query is likely whatever its words.
        most: how many.
    """
    found: list[tuple[float, int, exp.Column]] = []
    own = draft.schema.column(*like) if like else None
    if like is not None:
        least = max(least, named_share(like[1], draft.question, draft.evidence))
    columns = [
        (source, table, c) for source in scope.sources if (table := source.table) for c in table.columns
    ]
    for place, (source, table, column) in enumerate(columns):
        if (table.name, column.name) == like:
            continue
        if own is not None and kind_of(column) != kind_of(own):
            continue
        share = named_share(column.name, draft.question, draft.evidence)
        if like is not None and column.name.lower() == like[1].lower():
            share = max(share, least)
        if share >= least:
            found.append((-share, place, column_of(source, column.name, draft.schema.dialect)))
    return [column for _, _, column in sorted(found, key=lambda entry: entry[:2])][:most]


def column_of(source: Source, name: str, dialect: str) -> exp.Column:
    """A reference to a source's column."""
    return exp.column(identifier(name, dialect), table=called(source, dialect) if source.name else None)
