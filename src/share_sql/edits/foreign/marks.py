"""Which dialect a text was written for, and its text made ready for that dialect's reader."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from share_sql.dialects import dialect_of
from share_sql.schema.model import Schema

READERS = (
    "sqlite", "postgres", "mysql", "tsql", "snowflake", "bigquery", "oracle", "duckdb", "spark", "trino",
    "redshift", "clickhouse", "databricks",
)  # fmt: skip
"""sqlglot's names of the dialects that texts are read as; where nothing speaks for one, in this order."""
TITLES: Mapping[str, str] = MappingProxyType({
    "sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "tsql": "T-SQL", "snowflake": "Snowflake",
    "bigquery": "BigQuery", "oracle": "Oracle", "duckdb": "DuckDB", "spark": "Spark SQL", "trino": "Trino",
    "redshift": "Redshift", "clickhouse": "ClickHouse", "databricks": "Databricks",
})  # fmt: skip
"""What people call them."""

_UNIT = r"(?:year|yy|yyyy|quarter|qq|q|month|mm|m|week|wk|ww|day|dd|d|hour|hh|minute|mi|n|second|ss|s)"
_MARKS: tuple[tuple[str, str], ...] = (
    (
        r"::\s*\w|\bILIKE\b|\bSIMILAR\s+TO\b|\bDISTINCT\s+ON\b|(?<![~!])!?~\*?\s*'|\bSPLIT_PART\s*\(|\bAGE\s*\(",
        "postgres",
    ),
    (
        r"\bINTERVAL\s*'[^']*[A-Za-z]|\bARRAY\s*\[|\bTO_TIMESTAMP\s*\(|\bDATE_TRUNC\s*\(\s*'|\bTO_CHAR\s*\(",
        "postgres",
    ),
    (
        r"\bSTRING_AGG\s*\(|\bPERCENTILE_(?:CONT|DISC)\s*\(|\bBOOL_(?:OR|AND)\s*\(|\bDATE_PART\s*\(",
        "postgres",
    ),
    (r"`|\bSEPARATOR\b|\bCURDATE\s*\(|\bSTR_TO_DATE\s*\(|\bDATE_FORMAT\s*\(|\bTIMESTAMPDIFF\s*\(", "mysql"),
    (
        r"\bDATE_(?:ADD|SUB)\s*\([^()]*(?:\([^()]*\)[^()]*)?\bINTERVAL\b|\bREGEXP\b|<=>|\bSTRAIGHT_JOIN\b|\bXOR\b",
        "mysql",
    ),
    (
        r"\bINTERVAL\s+\d|\bDIV\b|\bSUBSTRING_INDEX\s*\(|\bIFNULL\s*\(|\bAS\s+(?:UN)?SIGNED\b|\bADDDATE\s*\(",
        "mysql",
    ),
    (
        r"\bDATEDIFF\s*\((?![^,()]*,[^,()]*,)|\bLAST_DAY\s*\(|\bMONTHNAME\s*\(|\bDAYOFWEEK\s*\(|&&|\bSQL_\w*CACHE\b",
        "mysql",
    ),
    (
        r"\bTOP\b\s*(?:\(\s*)?\d|\bGETDATE\s*\(|\bN'|\bdbo\b|\bNOLOCK\b|\bISNULL\s*\([^()]*,|\bCHARINDEX\s*\(",
        "tsql",
    ),
    (
        rf"\bDATE(?:DIFF|ADD|PART|NAME)\s*\(\s*{_UNIT}\s*,|\bEOMONTH\s*\(|\bLEN\s*\(|\bCONVERT\s*\(\s*\w+(?:\(\d+\))?\s*,",
        "tsql",
    ),
    (
        r"\bFORMAT\s*\([^()]*,\s*'|\b(?:CROSS|OUTER)\s+APPLY\b|\[\w+\]\.?\[?|\bSTDEV\s*\(|\bDATEFROMPARTS\s*\(",
        "tsql",
    ),
    (
        r"\bQUALIFY\b|\bIFF\s*\(|\bZEROIFNULL\s*\(|\bDATE(?:DIFF|ADD)\s*\(\s*'|\bLISTAGG\s*\(|\bBOOLOR_AGG\s*\(",
        "snowflake",
    ),
    (
        r"\bILIKE\s+ANY\b|\bTO_VARCHAR\s*\(|\bCOUNT_IF\s*\(|\bDIV0\s*\(|\bEQUAL_NULL\s*\(|\bDATEADD\s*\(",
        "snowflake",
    ),
    (
        r"\bSAFE_(?:DIVIDE|CAST)\s*\(|\bFORMAT_DATE\s*\(|\bPARSE_DATE\s*\(|\bCOUNTIF\s*\(|\bUNNEST\s*\(\s*\[",
        "bigquery",
    ),
    (
        rf"\b(?:DATE|DATETIME|TIMESTAMP)_DIFF\s*\([^()]*(?:\([^()]*\)[^()]*)?,\s*{_UNIT}\s*\)|`[\w-]+\.[\w-]+",
        "bigquery",
    ),
    (
        rf"\b(?:DATE|TIMESTAMP)_TRUNC\s*\([^'()]*(?:\([^()]*\)[^'()]*)?,\s*{_UNIT}\s*\)|\bSTRUCT\s*\(|\bAS\s+(?:STRING|INT64|FLOAT64)\b",
        "bigquery",
    ),
    (
        r"\bROWNUM\b|\bSYSDATE\b(?!\s*\()|\bFROM\s+DUAL\b|\(\+\)|\bMINUS\b|\bADD_MONTHS\s*\(|\bMONTHS_BETWEEN\s*\(",
        "oracle",
    ),
    (
        r"\bSTRFTIME\s*\(\s*'|\b(?:JULIANDAY|UNIXEPOCH|TOTAL|PRINTF|TYPEOF)\s*\(|\bIIF\s*\(|\bGLOB\b|==",
        "sqlite",
    ),
    (
        r"\b(?:DATE|DATETIME|TIME)\s*\(\s*'now'|\b(?:DATE|DATETIME)\s*\([^()]*,\s*'|\bIFNULL\s*\(|\bAS\s+REAL\b",
        "sqlite",
    ),
    (r"\bTO_DATE\s*\(|\bNVL2?\s*\(|\bDECODE\s*\(|\bLISTAGG\s*\(|\bTRUNC\s*\(\s*SYSDATE", "oracle"),
    (r"\bSTRPTIME\s*\(|\bSTRFTIME\s*\(\s*[\w.]+\s*,|\bQUANTILE_CONT\s*\(|\bLIST\s*\(", "duckdb"),
    (r"\bRLIKE\b|\bCOLLECT_(?:LIST|SET)\s*\(|\bLATERAL\s+VIEW\b|\bDATE_FORMAT\s*\([^()]*'yyyy", "spark"),
    (r"\bDATE_FORMAT\s*\([^()]*'[^%']*'\s*\)|\bDATE_(?:ADD|SUB)\s*\([^(),]*,\s*\d+\s*\)", "spark"),
    (r"\bDATE_(?:DIFF|ADD)\s*\(\s*'|\bDATE_PARSE\s*\(|\bAPPROX_DISTINCT\s*\(|\bARBITRARY\s*\(", "trino"),
    (r"\bto(?:Year|Month|Date|StartOf\w+|String)\s*\(|\b(?:count|sum|avg)If\s*\(|\buniq\s*\(", "clickhouse"),
)
"""What marks a text as a dialect's; each place where a pattern is found counts one."""
_PATTERNS = tuple(
    (re.compile(pattern, re.IGNORECASE if name != "clickhouse" else 0), name) for pattern, name in _MARKS
)
_BACKTICKS = frozenset({"mysql", "bigquery", "spark", "databricks", "sqlite", "clickhouse"})
_BRACKETS = frozenset({"tsql", "sqlite"})
_STRINGS_IN_DOUBLE = frozenset({"mysql", "bigquery", "spark", "databricks"})
_TOKEN = re.compile(
    r"(?P<string>'[^']*(?:''[^']*)*')|\"(?P<double>[^\"]*)\"|`(?P<back>[^`]*)`"
    r"|(?<![\w\]\"'`)])\[(?P<bracket>[A-Za-z_][\w $#-]*)\]|(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))",
    re.DOTALL,
)
_ALIAS = re.compile(r'\bAS\s+"([^"]*)"', re.IGNORECASE)
_SET = re.compile(r"\b(?:UNION|INTERSECT|EXCEPT|MINUS)\b", re.IGNORECASE)
# A word beside a parenthesis is no operator here: `UNION(` may be a name's.
_LEVEL = re.compile(
    r"[()]|(?<![()])\b(?:(?P<set>(?:UNION|INTERSECT|EXCEPT|MINUS)\b(?:\s+(?:ALL|DISTINCT)\b(?![()]))?)"
    r"|(?P<cut>(?:ORDER\s+BY|LIMIT|FETCH\s+(?:FIRST|NEXT))\b)|SELECT\b)(?![()])",
    re.IGNORECASE,
)


def readers(sql: str, schema: Schema, marked_only: bool = False) -> Mapping[str, int]:
    """The dialects to read a text as, the likeliest first, each with how many marks speak for it.

    Args:
        sql: the text.
        schema: the database's schema; its dialect is always among them. Where it is strict about types, the
            most lenient one is too: names are often all that a strict database tells.
        marked_only: whether the others are only those that marks speak for.
    """
    own = dialect_of(schema.dialect)
    bare = re.sub(r"'[^']*(?:''[^']*)*'", lambda match: match[0] if len(match[0]) < 40 else "''", sql)
    counts = dict.fromkeys(READERS, 0)
    for pattern, name in _PATTERNS:
        if name != own.name or name not in _UNMARKED:
            counts[name] += len(pattern.findall(bare))
    if not own.quoted_text:
        texts = _texts_in_quotes(sql, schema)
        for name in _DOUBLE_IS_TEXT:
            counts[name] += texts if name != own.name else 0
    always = {own.name} if own.lenient_types else {own.name, READERS[0]}
    names = [name for name in READERS if counts[name] or name in always or not marked_only]

    def place(name: str) -> tuple[int, bool, int]:
        return -counts[name], marked_only and name != own.name, READERS.index(name)

    return {name: counts[name] for name in sorted(names, key=place)}


_UNMARKED = frozenset({"sqlite"})
"""Dialects that no mark speaks for where they are the database's own: it comes first among equals."""


_DOUBLE_IS_TEXT = ("sqlite", "mysql")


def _texts_in_quotes(sql: str, schema: Schema) -> int:
    """How many texts in double quotes are no names."""
    aliases = {name.lower() for name in _ALIAS.findall(sql)}
    return sum(
        1
        for match in _TOKEN.finditer(sql)
        if match["double"] is not None and not _is_name(match["double"], aliases, schema)
    )


def quoted_for(sql: str, reader: str, schema: Schema) -> str:
    """Names in quotes as a reader takes them: models mix backticks, brackets and double quotes.

    A text in double quotes that no table and no column is called by stays as it is: some readers take it
    as a string, and where it is taken as a name, repairs see that it is none.
    """

    aliases = {name.lower() for name in _ALIAS.findall(sql)}

    def write(match: re.Match[str]) -> str:
        name = match["double"] if match["double"] is not None else match["back"] or match["bracket"]
        if name is None:
            return match[0]
        if match["back"] is not None and reader == "bigquery":
            return match[0]
        if match["double"] is not None and not (
            reader in _STRINGS_IN_DOUBLE and _is_name(name, aliases, schema)
        ):
            return match[0]
        if match["back"] is not None and reader in _BACKTICKS:
            return match[0]
        if match["bracket"] is not None and reader in _BRACKETS:
            return match[0]
        if match["back"] is not None and "." in name and schema.table(name) is None:
            return ".".join(_quote(part, reader) for part in name.split("."))
        return _quote(name, reader)

    return _TOKEN.sub(write, sql)


def _quote(name: str, reader: str) -> str:
    if reader in _BACKTICKS:
        return f"`{name}`"
    return f"[{name}]" if reader == "tsql" else '"' + name.replace('"', '""') + '"'


def _is_name(name: str, aliases: set[str], schema: Schema) -> bool:
    """Whether the schema, or one of a text's aliases in lower case, has this name."""
    return schema.table(name) is not None or bool(schema.tables_with(name)) or name.lower() in aliases


def members_in_parentheses(sql: str) -> str:
    """Put members of set operations that have an ORDER BY or LIMIT of their own in parentheses.

    `SELECT … LIMIT 2 INTERSECT SELECT … LIMIT 2` is no dialect's, and no parser takes it. The last member's
    clauses are its own where an earlier member has such clauses too.
    """
    bare = _TOKEN.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), sql)
    if _SET.search(bare) is None:
        return sql
    inserts = [insert for level in _levels(bare) if level.is_set() for insert in level.inserts(bare)]
    parts, past = [], 0
    for at, sign in sorted(inserts):
        parts += [sql[past:at], sign]
        past = at
    return "".join((*parts, sql[past:]))


@dataclass
class _Member:
    """A member of a set operation, or a text that may be one."""

    start: int
    """Where it may begin."""
    end: int = -1
    select: int = -1
    """Where its SELECT stands; negative where there is none."""
    cut: bool = False
    """Whether it has a clause that only the last member may have."""


@dataclass
class _Level:
    """What stands in one pair of parentheses, without what stands in others within, or the whole text."""

    members: list[_Member]

    def is_set(self) -> bool:
        """Whether a member but the last has an ORDER BY or LIMIT."""
        return any(member.cut for member in self.members[:-1])

    def inserts(self, bare: str) -> Iterator[tuple[int, str]]:
        """The parentheses that its members need, each with its place."""
        for member in self.members:
            if member.cut and member.select >= 0:
                yield member.select, "("
                yield member.start + len(bare[member.start : member.end].rstrip()), ")"


def _levels(bare: str) -> list[_Level]:
    """The whole text, and what stands in each pair of parentheses."""
    end = len(bare.rstrip().rstrip(";"))
    whole = _Level([_Member(0)])
    found, open_levels = [whole], [whole]
    for match in _LEVEL.finditer(bare, 0, end):
        level, at = open_levels[-1], match.start()
        last = level.members[-1]
        if match[0] == "(":
            open_levels.append(_Level([_Member(at + 1)]))
        elif match[0] == ")":
            if len(open_levels) > 1:
                last.end = at
                found.append(open_levels.pop())
        elif match["set"]:
            last.end = at
            level.members.append(_Member(match.end()))
        elif match["cut"]:
            last.cut = True
        elif last.select < 0:
            last.select = at
    whole.members[-1].end = end
    return found
