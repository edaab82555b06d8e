"""Pairs of queries for the scorer: a draft and a change to it, with whether that makes a wrong query right.

    python -m small.pairs OUT --of SOURCE LABELLED... [--of ...] [--prompts SET] [--without-rows]

SOURCE is a folder of `share data teacher`, LABELLED are files of its drafts as `small.label` or `share data`
wrote them. Of a question real errors come first: its wrong drafts with gold and with their own single edits
(as at work), and right drafts with theirs. Then comes gold with its single edits, and gold and drafts with
columns selected along that nobody asked for, as chat models do. Most of it stands there the other way round
too. Only pairs whose rows differ are kept; questions whose gold does not run, or finds nothing, are left out.
OUT gets the examples in the layout of `share data`: the scorer's prompt, and yes or no. The pairs are the
same whatever the prompt set.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlglot import exp

from share_sql.edits.likely import column_of, scope_of
from share_sql.errors import ShareError
from share_sql.training.examples import Example
from small.queries import Queries, arguments, sources

if TYPE_CHECKING:
    from share_sql.benchmarks.cases import LabelledCase
    from share_sql.case import Case
    from share_sql.sql.scopes import Scope

MOST_PAIRS = 20
"""A question; more of one teach little."""
MOST_OF_OUTPUT = 10
"""Of those, pairs that differ in the output columns alone."""
MOST_EDITS = 24
"""Edits of a query that are looked at."""
EVERY = {"bird-train": 2}
"""By source: every how manyth question is taken, where it is not each."""


def is_real(kind: str) -> bool:
    """Whether a pair is about a draft that a model wrote; all others are about gold, changed on purpose."""
    return kind.startswith("draft") or kind.endswith("to draft")


class Maker:
    """Makes the pairs of one question."""

    def __init__(self, queries: Queries, each: LabelledCase) -> None:
        self.queries = queries
        self.each = each
        self.case: Case = each.case
        self.rng = random.Random(f"{queries.source.name}/{each.case.id}")

    def pairs(self) -> list[Example]:
        """The question's pairs, real errors first; none where gold is no good. Raises ShareError."""
        gold = self.queries.gold(self.each)
        if gold is None:
            return []
        drafts = self.queries.drafts.get(self.case.id, [])
        wrong = [row["sql"] for row in drafts if not row["right"]]
        right = [row["sql"] for row in drafts if row["right"] and row["sql"].lower() != gold.lower()]
        self.rng.shuffle(right)
        bases = [(gold, True, "gold"), *((sql, True, "draft") for sql in right[:1])]
        bases += [(sql, False, "draft") for sql in wrong[:2]]
        bases += [(more, False, "along") for sql, *_ in bases[:2] for more in self.along(sql, gold)]
        pairs = [pair for base in bases for pair in self.edited(*base, gold)]
        for sql in wrong[:3]:
            pairs.append(self.pair(sql, gold, "draft to gold", mends=True))
            pairs.append(self.pair(gold, sql, "gold to draft"))
            pairs += [self.pair(other, sql, "draft to draft") for other in right[:1]]
        self.rng.shuffle(pairs)
        pairs.sort(key=lambda pair: not is_real(pair.kind))
        of_output = 0
        kept: list[Example] = []
        for pair in pairs:
            of_output += "select-" in pair.kind
            if "select-" not in pair.kind or of_output <= MOST_OF_OUTPUT:
                kept.append(pair)
        return kept[:MOST_PAIRS]

    def along(self, sql: str, gold: str) -> list[str]:
        """The query with one or two columns selected along, where that makes it wrong."""
        query = self.queries.read(self.case, sql)
        tree = query.tree
        if not isinstance(tree, exp.Select) or (scope := scope_of(query, tree)) is None:
            return []
        if any(item.find(exp.AggFunc, exp.Star) for item in tree.expressions):
            return []
        present = {item.unalias().sql().lower() for item in tree.expressions}
        more = {
            item.sql().lower(): item
            for item in (*_used(tree), *self._of_tables(scope, query.schema.dialect))
            if item.sql().lower() not in present
        }
        found = []
        for count in (1, 1 if self.rng.random() < 0.6 else 2):
            if len(more) >= count:
                new = tree.copy()
                chosen = self.rng.sample(list(more.values()), count)
                front = self.rng.random() < 0.35
                items = new.expressions
                new.set("expressions", [*chosen, *items] if front else [*items, *chosen])
                text = new.sql(dialect=query.schema.dialect)
                if not self.queries.right(self.case, text, gold):
                    found.append(text)
        return found

    def _of_tables(self, scope: Scope, dialect: str) -> Iterator[exp.Expr]:
        """Keys and names of the tables that a query reads, and two of their columns by lot."""
        for source in scope.sources:
            columns = list(source.table.columns) if source.table else []
            names = [column.name for column in columns if column.primary_key or "name" in column.name.lower()]
            names += [column.name for column in self.rng.sample(columns, min(2, len(columns)))]
            yield from (column_of(source, name, dialect) for name in names)

    def edited(self, sql: str, is_right: bool, what: str, gold: str) -> Iterator[Example]:
        """Pairs of a query with its single edits, both ways where one of the two is right."""
        edits = self.queries.edits(self.case, sql, MOST_EDITS)
        self.rng.shuffle(edits)
        edits.sort(key=lambda edit: edit.kind != "select-drop")
        edits = edits[: 6 if what == "along" else 14]
        idle = 0
        for kind, after, becomes in self.queries.changes(self.case, sql, edits, gold):
            if is_right and not becomes:
                yield self.pair(sql, after, f"{what}: {kind}")
                if self.rng.random() < 0.5:
                    yield self.pair(after, sql, f"{what} back: {kind}", mends=True)
            elif not is_right and becomes:
                yield self.pair(sql, after, f"{what}: {kind}", mends=True)
                yield self.pair(after, sql, f"{what} back: {kind}")
            elif not is_right and idle < 3 and (what != "along" or kind == "select-drop"):
                idle += 1
                yield self.pair(sql, after, f"{what} idle: {kind}")

    def pair(self, old: str, new: str, kind: str, *, mends: bool = False) -> Example:
        """An example."""
        prompt = self.queries.prompt(self.case, old, new)
        name = self.queries.source.name
        return Example(self.case.id, name, self.case.database, kind, prompt, "yes" if mends else "no")


def _used(tree: exp.Select) -> Iterator[exp.Expr]:
    """What a query sorts, groups and filters by, and the count of its rows where it groups them."""
    grouped = tree.args.get("group") is not None
    for part in ("order", "group", "where", "having"):
        clause = tree.args.get(part)
        for node in clause.find_all(exp.Column, exp.AggFunc) if clause is not None else ():
            outermost = node.find_ancestor(exp.Select) is tree and node.find_ancestor(exp.AggFunc) is None
            if outermost and (grouped or isinstance(node, exp.Column)):
                yield node.copy()
    if grouped:
        yield exp.Count(this=exp.Star())


def source_pairs(queries: Queries) -> Iterator[Example]:
    """The pairs of one source, a database after the other."""
    cases = sorted(queries.source.cases, key=lambda each: (each.case.database, each.case.id))
    for each in cases[:: EVERY.get(queries.source.name, 1)]:
        try:
            yield from Maker(queries, each).pairs()
        except ShareError as error:
            print(f"{each.case.id}: {error}")


def main() -> None:
    """Write the pairs of all sources."""
    logging.disable(logging.CRITICAL)
    args = arguments(__doc__).parse_args()
    rows = [asdict(pair) for queries in sources(args) for pair in source_pairs(queries)]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows), encoding="utf-8")
    print(f"{len(rows)} pairs, {sum(row['output'] == 'yes' for row in rows)} mend")


if __name__ == "__main__":
    main()
