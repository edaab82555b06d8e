"""What a copy is written into: one class a kind of database, each with a connection that may write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from share_sql.copying.plan import PlannedTable
from share_sql.copying.read import Value


class Target(Protocol):
    """A database that is being written.

    The driver's errors come out of each method; `failures` names them.
    """

    failures: tuple[type[Exception], ...]
    """What the driver raises."""
    longest_name: int
    """Bytes or characters of a name at most; longer ones are cut."""
    takes_nul: bool
    """Whether texts may hold NUL characters."""

    def name_size(self, name: str) -> int:
        """How long a name is, in the unit of `longest_name`."""
        ...

    def taken(self, names: Sequence[str]) -> list[str]:
        """Those of some names that tables or views have already."""
        ...

    def drop(self, names: Sequence[str]) -> None:
        """Remove tables."""
        ...

    def fitted(self, tables: tuple[PlannedTable, ...], notes: list[str]) -> tuple[PlannedTable, ...]:
        """The tables in the order in which they can be made, without keys that this database cannot have;
        `notes` tells those."""
        ...

    def make(self, table: PlannedTable) -> None:
        """Create a table with its keys, as far as they come before the rows."""
        ...

    def write(self, table: PlannedTable, batches: Iterable[list[tuple[Value, ...]]]) -> int:
        """Write the rows; how many."""
        ...

    def keys(self, table: PlannedTable, notes: list[str]) -> None:
        """Once all rows are there: primary key and unique columns, as far as `make` did not. What cannot be
        made is told in `notes`."""
        ...

    def links(self, table: PlannedTable, notes: list[str]) -> None:
        """Once all keys are there: foreign keys, likewise."""
        ...

    def commit(self) -> None:
        """All is there."""
        ...

    def undo(self, made: Sequence[str]) -> None:
        """Take back what was written."""
        ...

    def close(self) -> None:
        """Give the connection back. May be called twice."""
        ...


def listed(names: Iterable[str], sign: str = '"') -> str:
    """Names in quotes, with commas between them."""
    return ", ".join(sign + name.replace(sign, sign * 2) + sign for name in names)
