"""From schemas and columns to the texts that stand in prompts.

The formats are those of the reference implementation (quge2023/SHARE, src/infer and src/utils.py), byte for
byte, since the published checkpoints were trained on them; `runs/prompt_fidelity.py` checks it on
recorded prompts. They are not all alike:

    bam        schema: Python's repr of a list of `table.column`, no backticks
    sam        schema: one `### Table: name` block a table, names with a space in backticks;
               highlighted schema: repr of a list of [table, column], no backticks
    lom        schema: as bam; descriptions: names with a space in backticks
    generator  schema and descriptions: names with a space in backticks; foreign keys: repr of a dict

Where a database's dialect reads no backticks, its own signs stand in their place, and `dialect`, `language`,
`quote` and `fence` tell a prompt what to ask for.

`tables`, `columns` and `described_columns` are SHARE's own (`brief.py`), for models of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from share_sql.dialects import dialect_of
from share_sql.prompts import brief
from share_sql.schema.model import ColumnName, ColumnSet, Schema, ValueMatch
from share_sql.schema.spoken import told
from share_sql.sql.tag import split_tag


def bam_variables(sql: str, columns: Collection[ColumnName], schema: Schema) -> dict[str, str]:
    """Variables of the bam prompt.

    Args:
        sql: the draft.
        columns: the draft's linked columns. Here and below, a set is put in schema order, a sequence is
            kept in its own.
        schema: the whole schema.
    """
    return {"schema": column_list(in_schema_order(columns, schema)), "sql": one_line_sql(sql)}


def mask_variables(trajectory: str) -> dict[str, str]:
    """Variables of the mask prompt. Takes the trajectory's text, without a fence."""
    return {"trajectory": trajectory}


def sam_variables(
    columns: Collection[ColumnName], schema: Schema, *, question: str, evidence: str, masked_trajectory: str
) -> dict[str, str]:
    """Variables of the sam prompt.

    Args:
        columns: the draft's linked columns, to be highlighted.
        schema: the whole schema, shown in full.
        question: the question.
        evidence: outside knowledge; may be empty.
        masked_trajectory: its text, without a fence.
    """
    ordered = in_schema_order(columns, schema)
    return {
        "schema": schema_blocks(schema),
        "highlighted_schema": highlighted_columns(ordered),
        "question": question,
        "evidence": evidence,
        "masked_trajectory": masked_trajectory,
        "tables": brief.tables(schema),
        "columns": brief.columns(ordered),
    }


def lom_variables(
    columns: Collection[ColumnName],
    schema: Schema,
    *,
    question: str,
    evidence: str,
    trajectory: str,
    meanings: Mapping[ColumnName, str] | None = None,
) -> dict[str, str]:
    """Variables of the lom prompt. Arguments as `sam_variables`, and:

    Args:
        columns: the augmented schema.
        schema: its column meanings are used where `meanings` is None.
        trajectory: sam's filled trajectory, without a fence.
        meanings: meanings by column, as column_meaning.json holds them.
    """
    ordered = in_schema_order(columns, schema)
    return {
        "schema": column_list(ordered),
        "column_description": column_descriptions(ordered, schema, meanings),
        "question": question,
        "evidence": evidence,
        "trajectory": trajectory,
        "described_columns": brief.described_columns(ordered, schema),
    }


def judge_variables(sql: str, other_sql: str, schema: Schema, *, question: str) -> dict[str, str]:
    """Variables of the prompt that asks whether two queries over a schema's database ask for the same."""
    title = dialect_of(schema.dialect).title
    return {"sql": sql, "other_sql": other_sql, "question": question, "dialect": title}


def drafter_variables(
    schema: Schema, *, question: str, evidence: str, values: Iterable[ValueMatch]
) -> dict[str, str]:
    """Variables of the drafter prompt: no draft and no linked columns, so that the answer depends on neither.

    Arguments as `sam_variables`; `values` are stored values that the question names.
    """
    dialect = dialect_of(schema.dialect)
    return {
        "language": dialect.prompt_language or dialect.title,
        "schema": schema_blocks(schema),
        "tables": brief.tables(schema),
        "keys": brief.keys(schema),
        "values": told(values),
        "question": question,
        "evidence": evidence,
    }


def second_drafter_variables(
    schema: Schema,
    *,
    question: str,
    evidence: str,
    values: Iterable[ValueMatch],
    examples: Mapping[ColumnName, Sequence[object]],
) -> dict[str, str]:
    """Variables of the second drafter's prompt. Arguments as `drafter_variables`; `examples` are what columns
    store."""
    lines = (("Values", told(values)), ("Notes", evidence), ("Question", question))
    return {
        "dialect": dialect_of(schema.dialect).title,
        "stored_tables": brief.stored_tables(schema, examples),
        "keys": brief.keys(schema),
        "asked": "\n".join(f"{name}: {text}" for name, text in lines if text),
    }


def generator_variables(
    columns: Collection[ColumnName],
    schema: Schema,
    *,
    question: str,
    evidence: str,
    trajectory: str,
    meanings: Mapping[ColumnName, str] | None = None,
) -> dict[str, str]:
    """Variables of the generator prompt. Arguments as `lom_variables`; the trajectory is lom's."""
    ordered = in_schema_order(columns, schema)
    dialect = dialect_of(schema.dialect)
    return {
        "dialect": dialect.title,
        "quote": dialect.prompt_quotes,
        "fence": dialect.name,
        "schema": column_list(ordered, quoted=True, quote=dialect.prompt_quote),
        "foreign_keys": foreign_keys(schema),
        "column_description": column_descriptions(ordered, schema, meanings),
        "question": question,
        "evidence": evidence,
        "trajectory": trajectory,
    }


def in_schema_order(columns: Collection[ColumnName], schema: Schema) -> tuple[ColumnName, ...]:
    """Put a set of columns in schema order, columns that the schema does not know last, sorted by name.
    Anything but a set has an order of its own already and keeps it."""
    if not isinstance(columns, AbstractSet):
        return tuple(columns)
    place = schema.places
    return tuple(sorted(columns, key=lambda name: (place.get((name.table, name.column), len(place)), name)))


def column_list(columns: Iterable[ColumnName], *, quoted: bool = False, quote: str = "`") -> str:
    """`['schools.County', 'frpm.Free Meal Count (K-12)']`; with `quoted`, names with a space in backticks, or
    between the signs given as `quote`."""
    if quoted:
        return repr([f"{_quoted(name.table, quote)}.{_quoted(name.column, quote)}" for name in columns])
    return repr([str(name) for name in columns])


def highlighted_columns(columns: Iterable[ColumnName]) -> str:
    """`[['schools', 'County'], …]`."""
    return repr([[name.table, name.column] for name in columns])


def schema_blocks(schema: Schema) -> str:
    """The whole schema, a block a table: `### Table: name`, then the list of its columns."""
    blocks = []
    quote = dialect_of(schema.dialect).prompt_quote
    for table in schema.tables:
        names = (ColumnName(table.name, column.name) for column in table.columns)
        blocks.append(f"### Table: {table.name}\n{column_list(names, quoted=True, quote=quote)}")
    return "\n\n".join(blocks)


def foreign_keys(schema: Schema) -> str:
    """`{'yearmonth.CustomerID': 'customers.CustomerID'}`. A column with two targets keeps the last one, as a
    dictionary does in the reference."""
    return repr(
        {f"{key.table}.{key.column}": f"{key.to_table}.{key.to_column}" for key in schema.foreign_keys}
    )


def column_descriptions(
    columns: Iterable[ColumnName], schema: Schema, meanings: Mapping[ColumnName, str] | None = None
) -> str:
    """A line `# table.column: meaning` for each column that has one, each ended by a line break.

    The meaning comes in as column_meaning.json holds it: one leading `#` is dropped, spaces are kept.
    """
    lines = []
    quote = dialect_of(schema.dialect).prompt_quote
    for name in columns:
        if meanings is not None:
            meaning = meanings.get(name)
        else:
            column = schema.column(name.table, name.column)
            meaning = column.meaning if column else None
        if meaning:
            lines.append(
                f"# {_quoted(name.table, quote)}.{_quoted(name.column, quote)}: {meaning.removeprefix('#')}\n"
            )
    return "".join(lines)


def one_line_sql(sql: str) -> str:
    """The SQL with each line break replaced by a space, and BIRD's database tag dropped."""
    return split_tag(sql)[0].replace("\n", " ")


def fenced_trajectory(answer: str) -> str:
    """The text in an answer's first ```SR fence, stripped; empty where there is none.

    This is how the reference hands one model's answer to the next. SHARE's own stages read the answer
    with the tolerant reader in its place; this is kept for replaying the reference to the letter.
    """
    match = re.search(r"```SR(.*?)```", answer, re.DOTALL)
    return match[1].strip() if match else ""


def reference_linked_columns(text: str, schema: Schema) -> ColumnSet:
    """The columns that the reference takes to be used in a text: those whose name and whose table's name
    both occur in it, as mere substrings and in this spelling.

    For fidelity to recorded runs only. SHARE links columns by resolving the SQL (`schema.link`).

    Args:
        text: SQL, BIRD's database tag included where the file has it, or a model's whole answer.
        schema: the whole schema.
    """
    return frozenset(
        ColumnName(table.name, column.name)
        for table in schema.tables
        if table.name in text
        for column in table.columns
        if column.name in text
    )


def _quoted(name: str, quote: str) -> str:
    return f"{quote}{name}{quote}" if " " in name else name
