"""Where a query in running text ends: before words, marks and labels that cannot belong to it."""

from __future__ import annotations

import re
from collections.abc import Callable

_MOST_ENDS = 5
_REACH = 120_000
"""Characters in which ends are looked for; no query that is longer is parsed."""
WORDS_OF_SQL = frozenset((
    "ADD", "ALL", "AND", "ANY", "AS", "ASC", "AVG", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "COUNT",
    "CROSS", "DESC", "DISTINCT", "ELSE", "END", "ESCAPE", "EXCEPT", "EXISTS", "FETCH", "FILTER", "FOR",
    "FROM", "FULL", "GLOB", "GROUP", "HAVING", "ILIKE", "IN", "INNER", "INTERSECT", "IS", "ISNULL", "JOIN",
    "LEFT", "LIKE", "LIMIT", "MATCH", "MAX", "MIN", "NATURAL", "NOT", "NOTNULL", "NULL", "NULLS", "OFFSET",
    "ON", "OR", "ORDER", "OUTER", "OVER", "PARTITION", "QUALIFY", "REGEXP", "RIGHT", "SELECT", "SUM",
    "THEN", "TOP", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
))  # fmt: skip
"""Words that go on with a query, at the beginning of a line or after a name."""
_QUOTED = r"'[^']*'?|\"[^\"]*\"?|`[^`\n]*`|"
_MARK = (
    r"--[^\n]*|/\*.*?(?:\*/|\Z)"
    r"|&(?:amp;)*(?:lt|gt|amp|quot|apos|nbsp|\#\d{1,6}|\#x[0-9a-fA-F]{1,5});"
    r"|(?P<stop>[;；])"
    # Marks that no query holds.
    r"|(?P<lone>\*\*|```|~~~|\]\]>|</|<\||\[/|\}|\$\$|(?<!\|)\|(?=[ \t]*(?:\n|\Z))|\s[—–]\s)"
    # All blank lines at once: one by one they cost square time.
    r"|(?P<line>\n\s*)"
    # The sentence round the query goes on, or the next one begins.
    r"|(?P<same>[.!?:](?=\s+[A-Z(])|[.!](?=\s*\Z)|,(?=\s+(?:which|that)\b)|\s(?=(?:\#|//)\s)"
    r"|(?<=['\")0-9`])[ \t]+(?=[a-z]+\b)|[ \t](?=\([A-Za-z][a-z]+\ [a-z]+\b))"
    r"|(?P<round>[()])"
)
_MARKS = re.compile(_QUOTED + _MARK, re.DOTALL)
_BLIND = re.compile(_MARK, re.DOTALL)
_PARAGRAPH = re.compile(r"(?:[A-Z][a-z]+|\*\*|\#+|-)\ ")
_CLAUSE_LINE = re.compile(
    r"\n[ \t]*(?:FROM|WHERE|GROUP BY|ORDER BY|HAVING|LIMIT|(?:INNER |LEFT |CROSS )?JOIN|UNION|AND|OR|ON"
    r"|from|where|group by|order by|having|limit|(?:inner |left |cross )?join)(?=\s)"
)
_FROM = re.compile(r"\bFROM\b", re.IGNORECASE)
_LABEL = re.compile(r"[\s>*_#-]*[A-Za-z][\w' ]{0,40}\**\s?:(?!:)")
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_WORDS = re.compile(
    r"\s*\(?([^\W\d_][\w'’-]*)(?:[,.!]?\s+([^\W\d_][\w'’-]*))?(?:\s+([^\W\d_][\w'’-]*))?(?P<stop>[.!]?\s*\Z)?"
)
_OPEN = (",", "(", "=", "<", ">", "+", "-", "/", "|")
_ENDING_WORDS = frozenset(("END", "NULL", "ASC", "DESC", "COUNT"))


def ends(text: str) -> tuple[str, ...]:
    """The query that begins a text, with each of its ends: the longest first.

    The first goes up to a semicolon, or a blank line with words after it. Each other end lies before words
    that cannot belong to it; running tells which is right.

    Args:
        text: what follows the query's first word, with it.
    """
    texts = _cuts(text, _MARKS)
    if text.count("'") % 2 or "\\'" in text:
        # Where quotes do not match, what seems to stand in them may not.
        texts += _cuts(text, _BLIND)
    return tuple(dict.fromkeys(cut for each in texts if (cut := each.strip())))


def _cuts(text: str, marks: re.Pattern[str]) -> list[str]:
    found: list[int] = []
    first = len(text)
    depth = 0
    for match in marks.finditer(text, 0, _REACH) if len(text) > _REACH else marks.finditer(text):
        at = match.start()
        gap = match["line"]
        if match["stop"] or (gap and "\n" in gap[1:] and _PARAGRAPH.match(text, match.end())):
            first = at
            break
        if match["round"]:
            depth += 1 if match["round"] == "(" else -1
        if len(found) >= 4 * _MOST_ENDS:
            continue
        if match["round"]:
            if depth == -1 and _ends_bracket(text[match.end() : match.end() + 200]):
                found.append(at)
        elif match["lone"] or _is_end(text, match):
            found.append(at)
    whole = text[:first]
    goes_on = _goes_on(whole)
    cuts = [text[:at] for at in found if not goes_on(at)]
    return [whole, *reversed(cuts[:_MOST_ENDS])]


def _goes_on(whole: str) -> Callable[[int], bool]:
    """Tells of a place whether what follows it goes on with the query: a line begins as a clause does, or
    holds its FROM."""
    clause = max((match.start() for match in _CLAUSE_LINE.finditer(whole)), default=-1)
    first = _FROM.search(whole)
    last = whole.rfind(" FROM ")
    return lambda at: clause >= at or (last >= at and (first is None or first.end() > at))


def _is_end(text: str, match: re.Match[str]) -> bool:
    """Whether words follow that are not SQL."""
    after = text[match.end() : match.end() + 200]
    if match["same"] is not None:
        return _ends_sentence(match["same"], after)
    if match["line"] is None or not _may_end(text[max(0, match.start() - 40) : match.start()].rstrip()):
        return False
    if _LABEL.match(after):
        word = _WORD.search(after)
        return word is None or word[0].upper() not in WORDS_OF_SQL
    listed = re.match(r"(?:[*•-]|\d{1,2}[.)])[ \t]+([A-Z`*][\w`*]*)", after)
    if listed is not None:
        return listed[1].upper() not in WORDS_OF_SQL
    if re.match(r"#|>|\||~~|===|---|__", after):
        return True
    return _is_prose(after)


def _ends_bracket(after: str) -> bool:
    """Whether nothing of a query follows a parenthesis that closes what it does not open."""
    rest = after.lstrip(" )]}.,;:!?\"'`")
    words, _ = _spoken(rest)
    return (
        not rest
        or rest[0] == "\n"
        or (len(words) > 1 and not any(w.upper() in WORDS_OF_SQL for w in words[:2]))
    )


def _may_end(so_far: str) -> bool:
    """Whether a query may end so: after no operator, comma or word that asks for more."""
    last = re.search(r"\w+\Z", so_far)
    asks = last is not None and last[0].upper() in WORDS_OF_SQL - _ENDING_WORDS
    return not (asks or so_far.endswith(_OPEN))


def _spoken(after: str) -> tuple[list[str], bool]:
    """The first words of what follows, and whether nothing else does."""
    words = _WORDS.match(after)
    if words is None:
        return [], False
    return [word for word in words.groups()[:3] if word], words["stop"] is not None


def _is_prose(after: str) -> bool:
    """Whether a line is words: two at least, the first of them none of SQL's."""
    words, _ = _spoken(after)
    if len(words) < 2 or words[0].upper() in WORDS_OF_SQL or any(word in WORDS_OF_SQL for word in words):
        return False
    if words[1].lower() == "is":
        return len(words) > 2 and words[2].lower() not in ("not", "null")
    return words[1].upper() not in WORDS_OF_SQL - {"FOR", "ALL", "ANY", "WITH"}


def _ends_sentence(mark: str, after: str) -> bool:
    """Whether a mark amid a line ends the query, and words go on."""
    if mark.startswith((".", "!", "?", ":", ",")):
        words, _ = _spoken(after)
        if not words:
            return not after.strip()
        spoken = not any(word in WORDS_OF_SQL for word in words)
        return spoken and (mark[0] == "," or words[0][0].isupper() or after.lstrip().startswith("("))
    if after[:1] in "#/":
        return True
    words, alone = _spoken(after)
    if not words or words[0] in WORDS_OF_SQL or (len(words) < 2 and not alone):
        return False
    first = words[0].upper()
    if first in WORDS_OF_SQL - {"FOR"} or (first == "FOR" and words[1:2] == ["update"]):
        return False
    return len(words) > 1 and words[1].upper() not in WORDS_OF_SQL - {"IS", "ALL", "IN"}
