"""A table joined to itself the wrong way round: the manager's alias stands where the employee's belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from share_sql.edits.edit import Edit, plain_item, put
from share_sql.edits.spelling import parts
from share_sql.query.asked import words
from share_sql.query.examined import Examined
from share_sql.sql.scopes import Bound, Source

_KEY_WORDS = words("id key no number code ref fk to")


def self_joins(draft: Examined) -> Iterator[Edit]:
    """Propose `e.manager_id = m.id` for `m.manager_id = e.id`.

    The key says that the row which refers is the employee and the one referred to the manager. It is proved
    wrong where the referring side is called manager, by its alias or its output's, the other side is not, and
    the question speaks of managers; or where the question asks for somebody's manager and that somebody
    stands on the side referred to.
    """
    names = draft.binding.names
    for node in draft.tree.find_all(exp.EQ):
        left, right = names.get(id(node.this)), names.get(id(node.expression))
        if left is None or right is None or left.key is None or right.key is None:
            continue
        if left.source is right.source or left.table is not right.table or left.scope is not right.scope:
            continue
        for refers, referred in ((left, right), (right, left)):
            role = _role(draft, refers, referred)
            if not role or not role & words(draft.question):
                continue
            assert refers.source is not None
            assert referred.source is not None
            called = _is_called(draft, refers.source, role) and not _is_called(draft, referred.source, role)
            if called or _is_asked(draft, refers.source, referred.source, refers.node.name):
                new = exp.EQ(
                    this=exp.column(refers.node.this.copy(), table=referred.node.table),
                    expression=exp.column(referred.node.this.copy(), table=refers.node.table),
                )
                message = f"{draft.text(node)} makes {refers.node.table} the one that refers; turned round"
                yield Edit("self-join", message, put(draft, node, new))


def _role(draft: Examined, refers: Bound, referred: Bound) -> frozenset[str]:
    """What a table's own foreign key calls the row referred to: `manager` of `manager_id`."""
    keys = [
        key for key in draft.schema.foreign_keys if refers.key and key.table == key.to_table == refers.key[0]
    ]
    if len(keys) != 1 or not refers.node.table or not referred.node.table:
        return frozenset()
    key = keys[0]
    if (key.table, key.column) != refers.key or (key.to_table, key.to_column) != referred.key:
        return frozenset()
    return words(key.column) - _KEY_WORDS - words(key.table)


def _is_asked(draft: Examined, refers: Source, referred: Source, column: str) -> bool:
    """Whether the question asks for the one referred to by a row that the query takes for the manager."""
    selected = {id(source) for source in _selected(draft)}
    if selected != {id(refers)}:
        return False
    roles = "|".join(re.escape(word) for word in parts(column) if word not in _KEY_WORDS)
    question = draft.question.lower()
    for bound in draft.binding.names.values():
        node = bound.node.parent
        if bound.source is not referred or not isinstance(node, exp.EQ) or not roles:
            continue
        if isinstance(node.expression, exp.Literal) and node.expression.is_string and node.this is bound.node:
            name = re.escape(node.expression.this.lower())
            if re.search(rf"\b{name}(?:'s?|\u2019s?) (?:{roles})\b", question):
                return True
            before = re.search(
                rf"^(.*)\b(?:{roles}) of (?:the )?(?:\w+ )?(?:\w+ )?['\"]?{name}\b", question, re.MULTILINE
            )
            if before is not None and not re.search(r"\b(?:have|has|having|with|whose|who are)\b", before[1]):
                return True
    return False


def _selected(draft: Examined) -> Iterator[Source]:
    """The sources of the columns that a query selects."""
    for item in draft.tree.expressions:
        for column in item.find_all(exp.Column):
            bound = draft.binding.names.get(id(column))
            if (
                bound is not None
                and bound.source is not None
                and column.find_ancestor(exp.Select) is draft.tree
            ):
                yield bound.source


def _is_called(draft: Examined, source: Source, role: frozenset[str]) -> bool:
    """Whether the alias of a source, or of a column selected from it, says the role."""
    if words(re.sub(r"\d+", " ", source.name)) & role:
        return True
    alias = re.sub(r"[\d_]+", "", source.name.lower())
    table = source.table.name.lower() if source.table is not None else ""
    if alias and not table.startswith(alias) and any(_shortens(alias, word) for word in role):
        return True
    for bound in draft.binding.names.values():
        item = bound.node.parent
        is_named = bound.source is source and isinstance(item, exp.Alias) and plain_item(item) is bound.node
        if is_named and words(item.alias if item else "") & role and not words(bound.node.name) & role:
            return True
    return False


def _shortens(alias: str, word: str) -> bool:
    """Whether an alias is a word's first letter and some more of it, in order: m, man, mgr."""
    if not word.startswith(alias[0]):
        return False
    rest = iter(word)
    return all(letter in rest for letter in alias)
