"""Which table a count is about: what the question's words name, or what refers to a look-up table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from share_sql.schema.model import Schema, Table
from share_sql.trajectory import nodes as n

_COUNTED = re.compile(
    r"\b(?:how many(?: percent(?:age)? of)?|(?:number|percent(?:age)?|count|proportion|ratio) of"
    r"|ratio between)\s+((?:[\w'-]+\s*){1,4})",
    re.IGNORECASE,
)

_ENDS = frozenset((
    "have", "has", "had", "are", "is", "were", "was", "do", "does", "did", "in", "of", "with", "that",
    "who", "which", "there", "from", "on", "by", "for", "can", "could", "will", "would", "to", "at",
    "than", "whose", "when", "and", "or", "not",
))  # fmt: skip
"""Words behind which the counted noun has passed."""


def counted_table(schema: Schema, used: list[str], hint: str) -> str | None:
    """The table whose rows the question counts, where the trajectory only uses another one.

    A count over a look-up table alone (`power_name = 'Stealth'`) counts one row; "how many heroes have
    stealth" counts heroes. A table that the one used refers to is not taken: each row there has one row
    in it, and joining it changes no count.

    Returns:
        The table's name; None where the words name no table, several, or one already used.
    """
    found = named_table(schema, hint)
    if found is None:
        return None
    here = {table.lower() for table in used}
    parents = {key.to_table.lower() for key in schema.foreign_keys if key.table.lower() in here}
    return None if found.lower() in here | parents else found


def named_table(schema: Schema, hint: str) -> str | None:
    """The only table whose name the counted words of the hint hold; None where there is none."""
    match = _COUNTED.search(hint)
    if match is None:
        return None
    words = []
    for word in re.findall(r"[a-z]+", match[1].lower()):
        if word in _ENDS:
            break
        words.append(_stem(word))
    likeness = {table.name: _likeness(table.name, words) for table in schema.tables}
    found = [name for name, like in likeness.items() if like == 2]
    found = found or [name for name, like in likeness.items() if like == 1 and "_" not in name]
    return found[0] if len(found) == 1 else None


def names_one_row(schema: Schema, table: str, chain: Iterable[n.Action]) -> bool:
    """Whether the conditions pick one row of a plain look-up table: a key and a name, no more, and the
    name (or the key) given. A catalogue's names are unique, so counting its rows says nothing."""
    found = schema.table(table)
    if found is None or not _is_lookup(found):
        return False
    conditions = [action.condition for action in chain if isinstance(action, n.Where)]
    return any(
        isinstance(condition, n.Binary)
        and condition.op == "="
        and isinstance(condition.left, n.ColumnRef)
        and isinstance(condition.right, n.Literal)
        for condition in conditions
    )


def _is_lookup(table: Table) -> bool:
    keys = {key.lower() for key in table.primary_key} | {
        c.name.lower() for c in table.columns if c.primary_key
    }
    return len(keys) == 1 and len(table.columns) == 2


def counted_through(schema: Schema, tables: list[str]) -> str | None:
    """The table that is counted when a look-up table is: the only one that refers to it."""
    if len(tables) != 1:
        return None
    table = schema.table(tables[0])
    if table is None or not _is_lookup(table):
        return None
    referring = {key.table for key in schema.foreign_keys if key.to_table.lower() == table.name.lower()}
    return referring.pop() if len(referring) == 1 else None


@lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("es") and len(word) > 4 and word[-3] in "osxz":
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def _likeness(table: str, words: list[str]) -> int:
    """2: a word is the table's name; 1: the name ends in a word (`superhero`, `heroes`); 0: neither."""
    name = _stem(table.lower())
    if name in words or name.replace("_", "") in words:
        return 2
    return int(any(len(word) > 3 and name.endswith(word) for word in words))
