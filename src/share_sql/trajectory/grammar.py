"""What a model may answer that fills a masked trajectory in: a grammar, or a JSON schema, that it is held to.

The grammar is EBNF as llama.cpp and XGrammar read it: the masked trajectory itself, word for word, with one
of the schema's columns in each mask's place, spelled as `write` spells them.
"""

from __future__ import annotations

import json
from itertools import chain, zip_longest

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


MOST_COLUMNS = 900
"""Of a JSON schema; OpenAI takes 1,000 values of an enumeration."""
_LONGEST = 14_000
"""Characters of all columns together; OpenAI takes 15,000."""
_KEY = "columns"


def filling_schema(masked: str, schema: Schema) -> str | None:
    """The JSON schema of the columns that fill a masked trajectory, one for each mask, in order.

    Args:
        masked: the masked trajectory as written.
        schema: gives the columns.

    Returns:
        The schema as JSON; None where there is no mask, or the schema has too many columns for servers.
    """
    writer = Writer(Trajectory(()), "paper")
    names = ["*"]
    for table in schema.tables:
        names += [f"{writer.table(table.name)}.{writer.column_name(each.name)}" for each in table.columns]
    masks = masked.count(MASK_TEXT)
    if not masks or len(names) > MOST_COLUMNS or sum(map(len, names)) > _LONGEST:
        return None
    # Servers show the descriptions to the model: the prompt asks for a trajectory.
    said = f"the columns that fill the trajectory's {masks} {MASK_TEXT}, one for each, in their order"
    columns = {"type": "array", "description": said, "items": {"type": "string", "enum": names},
               "minItems": masks, "maxItems": masks}  # fmt: skip
    whole = {"type": "object", "properties": {_KEY: columns}, "required": [_KEY],
             "additionalProperties": False}  # fmt: skip
    return json.dumps(whole)


def filled_in(masked: str, answer: str) -> str | None:
    """A masked trajectory with the columns of an answer that keeps to `filling_schema`, fenced.

    None for any other answer. Columns that the schema lacks are filled in too; whoever reads it sees them.
    """
    try:
        names = json.loads(answer)[_KEY]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    parts = masked.split(MASK_TEXT)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    if len(names) != len(parts) - 1:
        return None
    return f"```SR\n{''.join(chain.from_iterable(zip_longest(parts, names, fillvalue='')))}\n```"


def quoted(text: str) -> str:
    """A terminal of the grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped.replace(chr(13), chr(92) + "r")}"'
