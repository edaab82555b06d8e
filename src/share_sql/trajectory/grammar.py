"""What a model may answer that fills a masked trajectory in, as a grammar that it is held to, token by token.

The grammar is EBNF as llama.cpp and XGrammar read it: the masked trajectory itself, word for word, with one
of the schema's columns in each mask's place, spelled as `write` spells them.
"""

from __future__ import annotations

from share_sql.schema.model import Schema
from share_sql.trajectory.nodes import Trajectory
from share_sql.trajectory.words import MASK_TEXT
from share_sql.trajectory.write import Writer


def filling_grammar(masked: str, schema: Schema) -> str:
    """The grammar of all ways to fill a masked trajectory in, fenced.

    Args:
        masked: the masked trajectory as written.
        schema: gives the columns.

    Returns:
        EBNF whose start rule is `root`; a few lines a table, so that it is made ready in milliseconds.
    """
    writer = Writer(Trajectory(()), "paper")
    rules, choices = [], [quoted("*")]
    for number, table in enumerate(table for table in schema.tables if table.columns):
        own = " | ".join(quoted(writer.column_name(column.name)) for column in table.columns)
        rules.append(f"in{number} ::= {own} | {quoted('*')}")
        choices.append(f"{quoted(f'{writer.table(table.name)}.')} in{number}")
    between = " column ".join(quoted(part) for part in f"```SR\n{masked}\n```".split(MASK_TEXT))
    return "\n".join([f"root ::= {between}", f"column ::= {' | '.join(choices)}", *rules]) + "\n"


def quoted(text: str) -> str:
    """A terminal of the grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped.replace(chr(13), chr(92) + "r")}"'
