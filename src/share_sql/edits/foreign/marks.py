"""Which dialect a text was written for, and its text made ready for that dialect's reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

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
        r"\bDATE_(?:ADD|SUB)\s*\([^()]*(?:\([^()]*\))?[^()]*\bINTERVAL\b|\bREGEXP\b|<=>|\bSTRAIGHT_JOIN\b|\bXOR\b",
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
        r"\bTOP\b\s*\(?\s*\d|\bGETDATE\s*\(|\bN'|\bdbo\b|\bNOLOCK\b|\bISNULL\s*\([^()]*,|\bCHARINDEX\s*\(",
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
        rf"\b(?:DATE|DATETIME|TIMESTAMP)_DIFF\s*\([^()]*(?:\([^()]*\))?[^()]*,\s*{_UNIT}\s*\)|`[\w-]+\.[\w-]+",
        "bigquery",
    ),
    (
        rf"\b(?:DATE|TIMESTAMP)_TRUNC\s*\([^'()]*(?:\([^()]*\))?[^'()]*,\s*{_UNIT}\s*\)|\bSTRUCT\s*\(|\bAS\s+(?:STRING|INT64|FLOAT64)\b",
        "bigquery",
    ),
    (
        r"\bROWNUM\b|\bSYSDATE\b(?!\s*\()|\bFROM\s+DUAL\b|\(\+\)|\bMINUS\b|\bADD_MONTHS\s*\(|\bMONTHS_BETWEEN\s*\(",
        "oracle",
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
    r"(?P<string>'(?:[^']|'')*')|\"(?P<double>[^\"]*)\"|`(?P<back>[^`]*)`"
    r"|(?<![\w\]\"'`)])\[(?P<bracket>[A-Za-z_][\w $#-]*)\]|(?P<comment>--[^\n]*|/\*.*?\*/)",
    re.DOTALL,
)
_SET = re.compile(r"\b(?:UNION|INTERSECT|EXCEPT|MINUS)\b(?:\s+(?:ALL|DISTINCT)\b)?", re.IGNORECASE)
_CUT = re.compile(r"\b(?:ORDER\s+BY|LIMIT|FETCH\s+(?:FIRST|NEXT))\b", re.IGNORECASE)


def readers(sql: str, marked_only: bool = False) -> list[str]:
    """The dialects to read a text as, the likeliest first: those that most marks speak for."""
    bare = re.sub(r"'(?:[^']|'')*'", lambda match: match[0] if len(match[0]) < 40 else "''", sql)
    counts = dict.fromkeys(READERS, 0)
    for pattern, name in _PATTERNS:
        counts[name] += len(pattern.findall(bare))
    names = [name for name in READERS if counts[name] or name == READERS[0] or not marked_only]
    return sorted(names, key=lambda name: (-counts[name], READERS.index(name)))


def quoted_for(sql: str, reader: str, schema: Schema) -> str:
    """Names in quotes as a reader takes them: models mix backticks, brackets and double quotes.

    A text in double quotes that no table and no column is called by stays as it is: some readers take it
    as a string, and where it is taken as a name, repairs see that it is none.
    """

    def write(match: re.Match[str]) -> str:
        name = match["double"] if match["double"] is not None else match["back"] or match["bracket"]
        if name is None:
            return match[0]
        if match["back"] is not None and reader == "bigquery":
            return match[0]
        if match["double"] is not None and not (reader in _STRINGS_IN_DOUBLE and _is_name(name, sql, schema)):
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


def _is_name(name: str, sql: str, schema: Schema) -> bool:
    """Whether the schema, or an alias of the text, has this name."""
    if schema.table(name) is not None or schema.tables_with(name):
        return True
    return re.search(rf'\bAS\s+"{re.escape(name)}"', sql, re.IGNORECASE) is not None


def members_in_parentheses(sql: str) -> str:
    """Put members of set operations that have an ORDER BY or LIMIT of their own in parentheses.

    `SELECT … LIMIT 2 INTERSECT SELECT … LIMIT 2` is no dialect's, and no parser takes it. The last member's
    clauses are its own where an earlier member has such clauses too.
    """
    bare = _TOKEN.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), sql)
    inserts: list[tuple[int, str]] = []
    for start, end in _levels(bare):
        level = bare[start:end]
        operators = list(_SET.finditer(_flat(level)))
        if not operators:
            continue
        flat = _flat(level)
        bounds = [0, *(at for match in operators for at in match.span()), len(level)]
        parts = [(bounds[index], bounds[index + 1]) for index in range(0, len(bounds), 2)]
        if not any(_CUT.search(flat, *part) for part in parts[:-1]):
            continue
        for one, other in parts:
            select = re.compile(r"\bSELECT\b", re.IGNORECASE).search(flat, one, other)
            if select is not None and _CUT.search(flat, one, other):
                stop = other - (len(flat[one:other]) - len(flat[one:other].rstrip()))
                inserts += [(start + select.start(), "("), (start + stop, ")")]
    for at, sign in sorted(inserts, reverse=True):
        sql = sql[:at] + sign + sql[at:]
    return sql


def _levels(bare: str) -> list[tuple[int, int]]:
    """The spans of the whole text and of what stands in each pair of parentheses."""
    found, open_at = [(0, len(bare.rstrip().rstrip(";")))], []
    for at, sign in enumerate(bare):
        if sign == "(":
            open_at.append(at + 1)
        elif sign == ")" and open_at:
            found.append((open_at.pop(), at))
    return found


def _flat(level: str) -> str:
    """A text with what stands in parentheses blanked out."""
    depth, signs = 0, []
    for sign in level:
        depth -= sign == ")"
        signs.append("_" if depth > 0 or sign in "()" else sign)
        depth += sign == "("
    return "".join(signs)
