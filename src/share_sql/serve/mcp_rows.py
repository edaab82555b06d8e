"""Rows in few characters: cells are cut with a mark, rows and columns left out are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from share_sql.serve.mcp_shapes import Cell, RunAnswer
from share_sql.serve.mcp_text import cut

if TYPE_CHECKING:
    from share_sql.serve.shapes import RunAnswer as Result

BUDGET = 10_000
"""Characters of all rows together, about: some 3,000 tokens."""
LONGEST_CELL = 300
"""Characters of a cell."""
_SHORTEST_CELL = 40
MOST_COLUMNS = 100
"""Columns of a result that are shown."""


def shown(result: Result, budget: int = BUDGET) -> RunAnswer:
    """A query's result, as much of it as fits into the budget; `note` says what was cut."""
    columns = [cut(name, LONGEST_CELL) for name in result.columns[:MOST_COLUMNS]]
    longest = max(_SHORTEST_CELL, min(LONGEST_CELL, budget // max(1, len(columns))))
    rows: list[list[Cell]] = []
    spent, shortened = 0, False
    for row in result.rows:
        kept = [cut(cell, longest) if isinstance(cell, str) else cell for cell in row[:MOST_COLUMNS]]
        spent += len(json.dumps(kept, ensure_ascii=False))
        if rows and spent > budget:
            break
        shortened = shortened or kept != row[:MOST_COLUMNS]
        rows.append(kept)
    notes = []
    if len(rows) < len(result.rows):
        notes.append(
            f"{len(rows):,} of {len(result.rows):,} rows are shown, more would be too long: select fewer "
            "columns, or aggregate"
        )
    if shortened:
        notes.append("cells that end in … are cut: select a part of them, such as by SUBSTR")
    if len(result.columns) > len(columns):
        notes.append(f"{len(result.columns) - len(columns):,} columns are left out: select those you need")
    return RunAnswer(
        columns=columns,
        rows=rows,
        more=result.truncated or len(rows) < len(result.rows),
        note=". ".join(notes) or None,
    )
