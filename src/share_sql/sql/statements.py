"""Queries in running text: where each begins, and where it may end.

Models write words before, between and after queries. A query begins at SELECT, WITH or VALUES; where it ends
only running it can tell, so several ends are offered, the longest first. Each end but the first lies where
words go on that cannot be SQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from share_sql.sql.endings import ends

_MOST_STARTS = 10
_MOST_WORDS = 500
"""Words that may begin a query: no more are looked at from the start of a text, and from its end."""
OPENING = (
    r"(?:SELECT(?![A-Za-z_0-9])|SELECT(?!(?:ED|S|ING|IONS?|IVE|IVELY|OR|ORS|ABLE)\b)\w+"
    r"|(?:SLECT|SEECT|SELCT|SELET|SELEC|SLEECT|SEELCT|SELCET|SELETC|SEELECT|SELLECT|SELEECT|SELECCT)\b"
    r"|WITH\b|VALUES\b(?=\s*\())"
)
"""A pattern of the word that a query begins with: glued to the next one or misspelt by a letter, too."""
_START = re.compile(rf"\b{OPENING}", re.IGNORECASE)
_PLAIN_START = frozenset(("SELECT", "WITH", "VALUES"))
_WITH_HEAD = re.compile(r'WITH\s+(?:RECURSIVE\s+)?["`\[\w][^()]*(?:\([^()]*\)\s*)?AS\b', re.IGNORECASE)
_WITH_REACH = 1_000
"""Letters in which the head of a WITH must end; without a bound, many a WITH in a row costs square time."""
_GOES_ON = re.compile(
    r"(?:\b(?:UNION|ALL|INTERSECT|EXCEPT|MINUS|DISTINCT|AS|EXISTS|IN|ANY|SOME|NOT|MATERIALIZED|EXPLAIN\s+FOR)"
    r"|[(（,=<>+*/|-])\s*\Z",
    re.IGNORECASE,
)
# What shows that a query goes on though nothing was found that begins it.
_INSIDE = re.compile(
    r"(?:\b(?:UNION(?:\s+ALL)?|INTERSECT|EXCEPT|MINUS)|(?:\b(?:IN|EXISTS|FROM|JOIN|AS|ALL|ANY)|[=<>])\s*[(（])\s*\Z",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_PREFIX = re.compile(r"[\s(>*_#\"'`|$-]*+(?:\d{1,2}[.)])?[\s(*_\"'`]*\Z")
_LABEL_END = re.compile(r"(?:[:;>=]|\bsql|\bEXPLAIN(?:\s+QUERY\s+PLAN)?)[\s*_\"'`(]*\Z", re.IGNORECASE)
_ENDED = re.compile(
    r"(?:[:；]|(?<!&lt)(?<!&gt)(?<!;lt)(?<!;gt)(?<!quot)(?<!&amp)(?<!;amp)(?<!nbsp)(?<!apos)(?<!#39)(?<!#34);"
    r"|</?\w[^<>]*>|```\w*|~~~\w*|\]\]>)[\s*_\"'`(]*\Z"
)
_WRITES = re.compile(
    r"(?:^|;|:|```\w*|\A)[ \t>*-]*(?:INSERT\s+(?:OR\s+\w+\s+)?INTO\b"
    r"|UPDATE\s+(?:OR\s+\w+\s+)?[\w.\"`\[\]]+\s+SET\b|DELETE\s+FROM\b|ALTER\s+TABLE\b"
    r"|DROP\s+(?:TABLE|VIEW|INDEX|TRIGGER|DATABASE|SCHEMA)\b|TRUNCATE\s+(?:TABLE\b|\w+\s*;)"
    r"|REPLACE\s+INTO\b|MERGE\s+INTO\b|ATTACH\s+(?:DATABASE\b|')|GRANT\s+\w+\s+ON\b|VACUUM\b)",
    re.IGNORECASE | re.MULTILINE,
)
_CREATES = re.compile(
    r"(?:^|;|:|\A)[ \t>*-]*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+|UNIQUE\s+)?"
    r"(?:TABLE|VIEW|INDEX|TRIGGER|DATABASE|SCHEMA)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NEXT_QUESTION = re.compile(
    r"\n[ \t>*#]*(?:Question|Q|User|Human|Input|Instruction|Task)\s*\d*\**:"
    r"|<\|(?:endoftext|im_end|eot_id|end|return)\|>|</s>|<｜end",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Statement:
    """A query in running text."""

    texts: tuple[str, ...]
    """What it may be, the longest first; words after it are cut further back in each."""
    sure: bool
    """Whether it begins where a query does: on a line of its own or after a label; not amid a sentence."""


def writes(text: str) -> bool:
    """Whether a statement in the text changes what a database stores."""
    return _WRITES.search(text) is not None


def creates(text: str) -> bool:
    """Whether a statement in the text makes a table, a view or an index."""
    return _CREATES.search(text) is not None


def begins_as_query(text: str) -> bool:
    """Whether the text begins with a query, at most after comments and parentheses."""
    rest = _COMMENTS.sub("", text[:5_000]) if text.startswith(("--", "/*")) else text
    rest = rest.lstrip("( \t\r\n")
    match = _START.match(rest)
    if match is None or (match[0].upper() == "WITH" and not _is_with(rest, 0)):
        return False
    return match[0].upper() in _PLAIN_START or re.search(r"\bFROM", rest, re.IGNORECASE) is not None


def statements(text: str) -> list[Statement]:
    """The queries in a text, the likeliest answer first: those that begin a line or follow a label before
    those amid a sentence, and the last before the others."""
    starts = _starts(text)
    if starts and (again := _NEXT_QUESTION.search(text, starts[0][0])):
        # A model that goes on with a question of its own does not answer ours any more.
        text = text[: again.start()]
        starts = [start for start in starts if start[0] < len(text)]
    found: list[tuple[bool, Statement]] = []
    for number, (at, sure) in enumerate(starts):
        stop = starts[number + 1][0] if number + 1 < len(starts) else len(text)
        texts = ends(text[at:stop])
        found.append((sure, Statement(texts, sure)))
    found = [each for each in found if each[1].texts]
    ordered = [s for sure, s in reversed(found) if sure] + [s for sure, s in reversed(found) if not sure]
    return list({each.texts: each for each in ordered}.values())


def _is_with(text: str, at: int) -> bool:
    return _WITH_HEAD.match(text, at, at + _WITH_REACH) is not None


def _starts(text: str) -> list[tuple[int, bool]]:
    """Where queries begin, and whether surely. A SELECT inside another one is no beginning."""
    found: list[tuple[int, bool]] = []
    last_from = text.upper().rfind("FROM")
    depth_at = depth = 0
    words = list(_START.finditer(text))
    if len(words) > 2 * _MOST_WORDS:
        words = words[:_MOST_WORDS] + words[-_MOST_WORDS:]
    for match in words:
        at, word = match.start(), match[0].upper()
        if word == "WITH" and not _is_with(text, at):
            continue
        line = text[max(0, at - 300) : at].rpartition("\n")[2]
        labelled = (_ENDED if found else _LABEL_END).search(line[-60:]) is not None
        begins = _PREFIX.match(line) is not None
        # Cut at a comment of the line before, a UNION may show.
        before = _COMMENTS.sub("", text[max(0, at - 300) : at]).rstrip()
        if not found and _INSIDE.search(before) is not None:
            continue
        plain = word in _PLAIN_START
        if not plain and not ((begins or labelled) and last_from > at):
            continue
        if found:
            depth += _depth(text[depth_at:at])
            depth_at = at
            ended = _ENDED.search(before[-80:]) is not None
            if (
                begins
                and _GOES_ON.search(before) is None
                and re.search(r"\n[ \t]*\n\s*\Z", text[max(0, at - 40) : at])
            ):
                ended = True
            inner = depth > 0 or before.endswith(")") or _GOES_ON.search(before) is not None
            if inner and not ended:
                continue
            if not ended and not begins and not match[0].isupper():
                continue
        shouted = match[0].isupper() or word == "WITH"
        if not (begins or labelled or shouted or last_from > at):
            continue
        opened = len(line) - len(line.rstrip("(")) if line.endswith("(") else 0
        depth, depth_at = opened, at
        found.append((at - opened, begins or labelled))
    if len(found) > _MOST_STARTS:
        found = [found[0], *found[1 - _MOST_STARTS :]]
    return found


def _depth(text: str) -> int:
    """How many parentheses stay open."""
    bare = _QUOTED.sub("", text)
    return bare.count("(") + bare.count("（") - bare.count(")") - bare.count("）")


_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
