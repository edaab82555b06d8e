"""Warnings that the question's or the evidence's words give: what they name and the query leaves out.

Evidence as BIRD writes it says what words refer to: `female refers to gender = 'F'`. Of 6,000 real
drafts of BIRD's train set, each of these fires on some, and on their gold in less than half of those
cases: id-shown on 122 and 46, evidence-condition on 23 and 10, evidence-column on 41 and 18. Of all gold
they fire on 1.6%, 1.2% and 0.8%, mostly where gold contradicts its own evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.query.warning_probes import Seen

if TYPE_CHECKING:
    from share_sql.query.examined import Examined

_CONDITION = re.compile(
    r"""(?<![\w.])(?:\w+\.)?["`]?(?P<column>\w+)["`]?\s*(?:=|<>|!=|>=|<=|>|<)\s*"""
    r"""(?:'(?P<text>[^']*)'|"(?P<quoted>[^"]*)"|(?P<number>-?\d+(?:\.\d+)?)(?![\w.%/-]))"""
)
_REFERS = re.compile(r"""\brefers?\ to\s+(?:\w+\.)?["`']?(?P<column>\w+)["`']?\s*(?=;|$|,|\.)""", re.VERBOSE)
_ID_ASKED = re.compile(r"\b(?:ids?|identif\w+|codes?|numbers?|no|keys?|links?|isbn|ssn)\b|#", re.IGNORECASE)
_ID_NAME = re.compile(r"id$|_id_|^link_to", re.IGNORECASE)


def evidence_condition(query: Examined) -> Iterator[Seen]:
    """A condition of the evidence whose column and value the query does not have."""
    if _by_key(query):
        return
    columns, texts, numbers = _columns(query), _texts(query), _numbers(query)
    for match in _CONDITION.finditer(query.evidence):
        name = match["column"].lower()
        if name in columns or not _is_plain(query, name):
            continue
        if match["number"] is not None:
            used = float(match["number"]) in numbers
        else:
            text = (match["text"] if match["text"] is not None else match["quoted"]).strip().lower()
            used = not text or any(text in each for each in texts)
        if not used:
            yield Seen(f"the evidence's {' '.join(match[0].split())} is not in the query")


def evidence_column(query: Examined) -> Iterator[Seen]:
    """A column of the evidence that the query does not read, where it selects no aggregate."""
    select = query.tree
    if not isinstance(select, exp.Select) or any(item.find(exp.AggFunc) for item in select.expressions):
        return
    if any(isinstance(item, exp.Star) or item.is_star for item in select.expressions):
        return
    columns = {_squashed(name) for name in _columns(query)}
    for match in _REFERS.finditer(query.evidence):
        name = match["column"].lower()
        if _squashed(name) not in columns and _is_plain(query, name):
            yield Seen(f"the evidence speaks of {match['column']}, which the query does not read")


def id_shown(query: Examined) -> Iterator[Seen]:
    """A key is selected where neither question nor evidence asks for one."""
    select = query.tree
    if not isinstance(select, exp.Select) or not query.question.strip() or _ID_ASKED.search(query.question):
        return
    evidence = query.evidence.lower()
    for item in select.expressions:
        value = item.this if isinstance(item, exp.Alias) else item
        if not isinstance(value, exp.Column) or isinstance(value.this, exp.Star):
            continue
        name = value.name.lower()
        if _ID_NAME.search(name) and name not in evidence:
            yield Seen(f"{query.text(value)} is shown; the question asks for no id", value)


def _by_key(query: Examined) -> bool:
    """Whether the query finds rows by a key, whose label the evidence may name instead."""
    for equal in query.tree.find_all(exp.EQ):
        for one, other in ((equal.this, equal.expression), (equal.expression, equal.this)):
            key = isinstance(one, exp.Column) and _ID_NAME.search(one.name)
            if key and isinstance(other, exp.Literal):
                return True
    return False


def _columns(query: Examined) -> set[str]:
    return {column.name.lower() for column in query.tree.find_all(exp.Column)}


def _texts(query: Examined) -> set[str]:
    """Texts of the query in lower case, with names in double quotes, which may be read as text."""
    quoted = {column.name for column in query.tree.find_all(exp.Column) if column.this.args.get("quoted")}
    return {text.lower() for text in quoted | {str(each.this) for each in query.tree.find_all(exp.Literal)}}


def _numbers(query: Examined) -> set[float]:
    found = set()
    for literal in query.tree.find_all(exp.Literal):
        try:
            found.add(float(literal.this))
        except ValueError:
            continue
    return found


def _is_plain(query: Examined, name: str) -> bool:
    """Whether some table has a column of this name, which is no key: a row may be found by its key in another
    way, and by its id or by its label."""
    schema = query.schema
    if not schema.tables_with(name) or re.search(r"(?:id|code|key)$|^link_to", name):
        return False
    keys = {end.lower() for key in schema.foreign_keys for end in (key.column, key.to_column)}
    keys |= {column.lower() for table in schema.tables for column in table.primary_key}
    return name not in keys


def _squashed(name: str) -> str:
    return name.replace("_", "")
