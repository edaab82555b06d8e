"""Two tables of one content on each database: dates of all kinds, truth values, capitals in names."""

from __future__ import annotations

from collections.abc import Mapping

from share_sql.schema.model import Column, Schema, Table

_TYPES: Mapping[str, Mapping[str, str]] = {
    "sqlite": {"whole": "INTEGER", "real": "REAL", "text": "TEXT", "key": "TEXT", "time": "DATETIME"},
    "postgres": {
        "whole": "BIGINT",
        "real": "DOUBLE PRECISION",
        "text": "TEXT",
        "key": "TEXT",
        "time": "TIMESTAMP",
    },
    "mysql": {"whole": "BIGINT", "real": "DOUBLE", "text": "TEXT", "key": "VARCHAR(80)", "time": "DATETIME"},
    "duckdb": {"whole": "BIGINT", "real": "DOUBLE", "text": "VARCHAR", "key": "VARCHAR", "time": "TIMESTAMP"},
}
_TABLES: Mapping[str, Mapping[str, str]] = {
    "trip": {
        "trip_id": "whole", "guide": "key", "began": "text", "ended": "text", "paid": "DATE",
        "closed": "time",
        "guests": "whole", "days": "whole", "remark": "text", "price": "real", "early": "BOOLEAN",
    },
    "Guide": {"name": "key", "HomeTown": "text", "born": "DATE"},
}  # fmt: skip
_ROWS = """
INSERT INTO trip VALUES
    (1, 'Tove Lund', '2022-01-03', '2022-01-20', '2022-01-17', '2022-01-20 10:15:00', 4, 3, 'a,b,c',
    10.5, {true}),
    (2, 'Karl', '2022-12-20', '2022-12-27', '2023-01-03', '2022-12-27 09:00:00', 0, 3, NULL, 7.25, {false}),
    (3, 'Tove Lund', '2023-02-01', '2023-03-10', '2023-02-15', '2023-03-10 18:30:00', 9, 6, 'x-1', NULL,
    {true}),
    (4, 'nils', '2023-05-05', '2023-05-06', '2023-05-19', '2023-05-06 12:00:00', 1, 6, 'abc', 99.0, {false}),
    (5, 'Runa', '2024-06-11', '2024-06-20', '2024-06-25', '2024-06-20 23:59:59', 2, 2, '12', 3.125, NULL);
INSERT INTO {guide} VALUES ('Tove Lund', 'Bergen', '1990-05-01'), ('Karl', 'Ulm', NULL),
    ('Runa', 'Bergen', '2001-02-28');
"""


def script(dialect: str) -> str:
    """The statements that make the tables and fill them."""
    sign = "`" if dialect == "mysql" else '"'
    made = []
    for table, columns in _TABLES.items():
        parts = [f"{sign}{name}{sign} {_TYPES[dialect].get(kind, kind)}" for name, kind in columns.items()]
        key = f", PRIMARY KEY ({next(iter(columns))})"
        made.append(f"CREATE TABLE {sign}{table}{sign} ({', '.join(parts)}{key});")
    truths = (
        {"true": "1", "false": "0"} if dialect in ("sqlite", "mysql") else {"true": "TRUE", "false": "FALSE"}
    )
    return "\n".join(made) + _ROWS.format(guide=f"{sign}Guide{sign}", **truths)


def schema(dialect: str) -> Schema:
    """The tables as SHARE knows them on a database of this dialect."""
    tables = [
        Table(
            name,
            tuple(
                Column(column, _TYPES[dialect].get(kind, kind), nullable=at > 0, primary_key=at == 0)
                for at, (column, kind) in enumerate(columns.items())
            ),
            primary_key=(next(iter(columns)),),
        )
        for name, columns in _TABLES.items()
    ]
    return Schema("trips", tuple(tables), dialect=dialect)
