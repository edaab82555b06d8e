"""How alike two names are: misspelt, shortened, in another order of words, with the table's name or without.

Two strengths. A *strong* likeness says that both names have the same words; a *weak* one that one name's
words are part of the other's, or shorten them: it counts only where one single name is that near.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from share_sql.schema.model import Table

NEAR = 78.0
"""Likeness (0 to 100) from which a name counts as a misspelling of another."""
WEAK = 60.0
"""Likeness of names of which one shortens, or holds, the other."""

_SHORT: Mapping[str, str] = {
    "qty": "quantity", "num": "number", "no": "number", "nbr": "number", "nr": "number", "count": "number",
    "cnt": "number", "cust": "customer", "dept": "department", "addr": "address", "amt": "amount",
    "desc": "description", "descr": "description", "emp": "employee", "prod": "product", "cat": "category",
    "mgr": "manager", "yr": "year", "pct": "percent", "perc": "percent", "percentage": "percent",
    "avg": "average", "tel": "phone", "telephone": "phone", "acct": "account", "inv": "invoice",
    "loc": "location", "dt": "date", "img": "image", "lang": "language", "org": "organization",
    "organisation": "organization", "pos": "position", "pop": "population", "sal": "salary",
    "temp": "temperature", "trans": "transaction", "txn": "transaction", "usr": "user", "val": "value",
    "wt": "weight", "ht": "height", "lat": "latitude", "lng": "longitude", "lon": "longitude",
    "identifier": "id", "grp": "group", "mon": "month", "proj": "project", "lvl": "level", "std": "student",
    "stu": "student", "doc": "document", "msg": "message", "pwd": "password", "pmt": "payment",
    "mfr": "manufacturer", "vol": "volume", "len": "length", "hrs": "hour", "mins": "minute",
    "secs": "second",
}  # fmt: skip
"""What is common to shorten in names of columns, and how."""
_PAIRS: Mapping[str, tuple[str, ...]] = {
    "dob": ("birth", "date"), "birthdate": ("birth", "date"), "birthday": ("birth", "date"),
    "fname": ("first", "name"), "firstname": ("first", "name"), "lname": ("last", "name"),
    "lastname": ("last", "name"), "zipcode": ("zip", "code"),
}  # fmt: skip
_FILLERS = frozenset({"of", "the", "in", "a", "for", "per", "to"})
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def likeness(left: str, right: str) -> float:
    """How alike two identifiers are, 0 to 100; case, underscores and spaces do not count."""
    from rapidfuzz import fuzz

    return fuzz.ratio(_plain(left), _plain(right))


@lru_cache(maxsize=65_536)
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


@lru_cache(maxsize=65_536)
def parts(name: str) -> tuple[str, ...]:
    """A name's words in lower case, the usual short forms written out, in the singular, without "of"."""
    found: list[str] = []
    for part in _PARTS.findall(name):
        word = part.lower()
        for each in _PAIRS.get(word, (word,)):
            long = _SHORT.get(each) or _SHORT.get(_singular(each)) or _singular(each)
            if long not in _FILLERS:
                found.append(long)
    return tuple(found)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def column_likeness(written: str, column: str, table: Table | None) -> float:
    """How alike a name as written is to a column's, 0 to 100.

    Args:
        written: the name that does not bind.
        column: the column's name.
        table: the column's table, whose name may stand in either; None where it has none.
    """
    if _plain(written) == _plain(column):
        return 100.0
    ours, theirs = parts(written), parts(column)
    if ours and ours == theirs:
        return 98.0
    if ours and sorted(ours) == sorted(theirs):
        return 96.0
    if table is not None:
        own = frozenset(parts(table.own))
        if _without(ours, own) == _without(theirs, own) != ():
            return 94.0
    near = likeness(written, column)
    # One letter more or less in a short name is another name: `age` and `page`.
    return near if near >= NEAR else WEAK if _shortens(ours, theirs) or _shortens(theirs, ours) else 0.0


def _without(words: tuple[str, ...], own: frozenset[str]) -> tuple[str, ...]:
    """The words without those of the table's name; all of them where nothing else is left."""
    rest = tuple(sorted(word for word in words if word not in own))
    return rest or tuple(sorted(words))


def _shortens(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether each word of one name is, or begins, or shortens a word of the other."""
    if not short or len(short) > len(long) or short == ("id",):
        return False
    left = list(long)
    for word in short:
        match = next((other for other in left if other == word), None) or next(
            (other for other in left if _abbreviates(word, other)), None
        )
        if match is None:
            return False
        left.remove(match)
    return True


def _abbreviates(short: str, word: str) -> bool:
    """`manu` or `mnfctr` for `manufacturer`: three letters or more, in order, the first one the same."""
    if len(short) < 3 or len(short) >= len(word) or short[0] != word[0]:
        return False
    if word.startswith(short):
        return True
    rest = iter(word)
    return short[-1] == word[-1] and all(letter in rest for letter in short)


def table_likeness(written: str, table: Table) -> float:
    """How alike a table's name as written is to a table's, 0 to 100."""
    near = likeness(written, table.own)
    ours, theirs = parts(written), parts(table.own)
    if ours and sorted(ours) == sorted(theirs):
        return max(near, 98.0)
    # superhero_power for hero_power: one name's words within the other's.
    one, other = frozenset(ours), frozenset(theirs)
    if one and other and (one <= other or other <= one):
        near = max(near, 80.0)
    return near


def only(found: Iterable[tuple[float, str]]) -> tuple[float, str] | None:
    """The best of some likenesses, each with a name, where no other name is as near; None where two are."""
    ranked = sorted(found, key=lambda entry: -entry[0])
    if not ranked:
        return None
    ties = {name.lower() for near, name in ranked if near == ranked[0][0]}
    return ranked[0] if len(ties) == 1 else None
