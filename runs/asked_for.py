"""Ask for a column in words, select it, and count how often it is taken away.

    python runs/asked_for.py [DATA] [--cases N] [--seed N]

Gold of Spider train (laid out as docs/results.md says; default: $SHARE_DATA, else ../shared/data) is
given one output column more (the sort key, a count, a key, a column), or two columns as one text, and the
question is given words that ask for it. Such a draft is right. Kinds that follow a benchmark's conventions
act (`--conventions benchmark`); without them none is lost by construction. Prints by what was asked for:
drafts, and how many lost it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp

from share_sql.assistant import Assistant
from share_sql.case import Case
from share_sql.catalog import Catalog
from share_sql.errors import SqlError
from share_sql.query.examined import Context, Examined, unrun

MORE = (
    "{q} Also give {c}.", "{q} Show {c} too.", "{q} Include {c} as well.", "{q} together with {c}",
    "{q}, along with {c}", "{q} and {c}", "{q} List {c} beside it.", "{q} I also need {c}.",
    "{q} With {c}, please.", "{q} Add {c} to the result.", "{q} plus {c}", "{q} What is {c}?",
    "{q} (show {c} in a second column)", "{q} I want to see {c} next to it.", "{q} Return {c} with it.",
    "{q} I need {c} for the report.", "For the answer to this, show {c}: {q}",
)  # fmt: skip
COUNTS = (
    "how many there are", "the number of them", "the count", "how many {t} that is", "the number of {t}",
    "how often it occurs", "how many times that happened",
)  # fmt: skip
AS_ONE = (
    "{q} Give {a} and {b} as one text.", "{q} Show {a} followed by {b} in one column.",
    "{q} Combine {a} and {b}.", "{q} Show {a} and {b} together as a single string.",
    "{q} Write {a}, a space, and {b}.", "{q} Concatenate {a} with {b}.",
)  # fmt: skip


def drafts(query: Examined, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """What was asked for, the question that asks, and the draft that answers."""
    tree, question = query.tree, query.question.rstrip("?. ") + rng.choice(["?", ".", ""])
    if not isinstance(tree, exp.Select):
        return
    tables = [human(table.name) for table in query.schema.tables]
    order, group = tree.args.get("order"), tree.args.get("group")
    more: list[tuple[str, exp.Expr]] = []
    if order is not None and len(order.expressions) == 1:
        key = order.expressions[0].this
        more.append(("count" if key.find(exp.Count) else "sort key", key))
    elif group is not None:
        more.append(("count", exp.Count(this=exp.Star())))
    sources = [source for source in query.binding.scopes[0].sources if source.table is not None]
    plain = group is None and not any(item.find(exp.AggFunc) for item in tree.expressions)
    for source in sources if plain else ():
        for column in source.table.columns[:2] if source.table is not None else ():
            table = source.name if len(sources) > 1 else None
            more.append(("key" if column.primary_key else "column", exp.column(column.name, table=table)))
    have = {item.sql().lower() for item in tree.expressions}
    for what, node in more:
        if node.sql().lower() in have or (what != "count" and not isinstance(node, exp.Column)):
            continue
        words = (
            rng.choice(COUNTS).format(t=rng.choice(tables)) if what == "count" else f"the {human(node.name)}"
        )
        items = [*tree.expressions, node]
        yield (
            what,
            rng.choice(MORE).format(q=question, c=words),
            selecting(query, items[:: rng.choice([1, -1])]),
        )
    columns = [node for what, node in more if what in ("key", "column")]
    if len(columns) >= 2 and tree.args.get("distinct") is None:
        first, second = columns[:2]
        text = exp.DPipe(
            this=exp.DPipe(this=first.copy(), expression=exp.Literal.string(" ")), expression=second.copy()
        )
        names = {"a": f"the {human(first.name)}", "b": f"the {human(second.name)}"}
        yield "one text", rng.choice(AS_ONE).format(q=question, **names), selecting(query, [text])


def selecting(query: Examined, items: list[exp.Expr]) -> str:
    """The query with other output columns."""
    tree = query.tree.copy()
    tree.set("expressions", [item.copy() for item in items])
    return query.text(tree)


def human(name: str) -> str:
    return name.replace("_", " ").lower()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "data", nargs="?", type=Path, default=Path(os.environ.get("SHARE_DATA", "../shared/data"))
    )
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    train = json.loads((args.data / "spider" / "train.json").read_text("utf-8"))
    rng.shuffle(train)
    catalog = Catalog()
    made: dict[str, tuple[str, Case]] = {}
    for entry in train[: args.cases]:
        path = args.data / "spider" / "database" / entry["db_id"] / f"{entry['db_id']}.sqlite"
        if not path.is_file():
            continue
        with catalog.use(str(path)) as opened:
            try:
                query = unrun(entry["query"], Context(opened.schema, entry["question"]))
            except SqlError:
                continue
            for what, question, sql in drafts(query, rng):
                key = str(len(made))
                made[key] = (what, Case(key, question, str(path), sql))
    counts: Counter[str] = Counter(what for what, _ in made.values())
    lost: Counter[str] = Counter()
    with Assistant(catalog=catalog, conventions="benchmark") as assistant:
        for state in assistant.correct_states(case for _, case in made.values()):
            kinds = {fault.kind for each in state.candidates for fault in each.evidence}
            what, case = made[state.case.id]
            if kinds & {"unasked-column", "concatenation", "concatenation-listed"}:
                lost[what] += 1
                print(f"-- {what}: {case.question}\n{case.draft}")
    print("| asked for | drafts | lost it |\n|---|---|---|")
    for what in sorted(counts):
        print(f"| {what} | {counts[what]} | {lost[what]} |")


if __name__ == "__main__":
    main()
