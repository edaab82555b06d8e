"""Signs that typesetting, Markdown or HTML put into SQL, quotes that do not match, operators torn apart."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterator

from share_sql.schema.model import Schema
from share_sql.schema.quote import quoted_name
from share_sql.sql.tokens import Token, joined, neighbours, tokens

# -- typesetting ---------------------------------------------------------------------------------------

_SINGLE, _DOUBLE = "‘’‚‛´′＇｀", "“”„‟＂«»″"
_TYPESET = re.compile(
    rf"(?P<kept>'[^']*+(?:''[^']*+)*+(?:'|\Z)|\"[^\"]*\"|`[^`]*`|--[^\n]*)"
    rf"|[{_SINGLE}](?P<single>[^{_SINGLE}\n]*)[{_SINGLE}]"
    rf"|[{_DOUBLE}](?P<double>[^{_DOUBLE}\n]*)[{_DOUBLE}]"
    r"|(?P<sign>[^\x00-\x7f])"
)
_SIGNS = {
    "–": "-", "—": "-", "−": "-", "×": "*", "·": "*", "÷": "/", "≥": ">=", "≤": "<=", "≠": "!=", "、": ",",
    "。": ".", "∗": "*", "＝": "=", "（": "(", "）": ")", "，": ",", "；": ";",
}  # fmt: skip
_INVISIBLE = frozenset("\ufeff\u200b\u200c\u200d\u2060\u00ad\u200e\u200f")


def typeset(sql: str, schema: Schema) -> Iterator[str]:
    """Curly and full-width quotes, commas, parentheses and operators, odd blanks: written as SQL has them."""
    if sql.isascii():
        return
    known = {name.lower() for name in _names(schema)}

    def plain(match: re.Match[str]) -> str:
        if match["kept"] is not None:
            return match[0]
        if match["single"] is not None:
            return _as_string(match["single"])
        if match["double"] is not None:
            inside = match["double"]
            return quoted_name(inside, schema.dialect) if inside.lower() in known else _as_string(inside)
        return _plain_sign(match["sign"])

    changed = _TYPESET.sub(plain, sql)
    yield changed
    if changed == sql and sql.count("'") % 2 == 0:
        return  # what is left stands in texts
    straight = re.sub(f"[{_SINGLE}]", "'", sql)
    yield _TYPESET.sub(plain, re.sub(f"[{_DOUBLE}]", '"', straight))


def _names(schema: Schema) -> Iterator[str]:
    for table in schema.tables:
        yield table.own
    for _, column in schema.columns():
        yield column.name


def _as_string(text: str) -> str:
    return "'" + text.replace("''", "'").replace("'", "''") + "'"


def _plain_sign(sign: str) -> str:
    if sign in _INVISIBLE:
        return ""
    if sign in _SIGNS:
        return _SIGNS[sign]
    if sign in _SINGLE:
        return "'"
    if sign in _DOUBLE:
        return '"'
    if unicodedata.category(sign) == "Zs":
        return " "
    # Full-width forms of ASCII lie at one distance from it (Unicode, Halfwidth and Fullwidth Forms).
    return chr(ord(sign) - 0xFEE0) if 0xFF01 <= ord(sign) <= 0xFF5E else sign


# -- HTML, Markdown, backslashes -----------------------------------------------------------------------

_ENTITY = re.compile(r"&(?:amp;)*(?:lt|gt|amp|quot|apos|nbsp|#\d{1,6}|#x[0-9a-fA-F]{1,5});", re.IGNORECASE)
_MARKUP = re.compile(r"</?(?:br|p|code|pre|b|strong|em|i|span|div)\s*/?>", re.IGNORECASE)
_MARKDOWN = re.compile(r"\\([_*<>=()\[\]\-+.#!,|`%&{}~])")


def escaped_quotes(sql: str, schema: Schema) -> Iterator[str]:
    """Quotes that a backslash comes before: round a text or a name, or inside one."""
    del schema
    if re.search(r"(?:^|[=<>(,\s])\\['\"]", sql):
        # The whole query was escaped, its quotes with it.
        yield re.sub(r"\\(['\"])", r"\1", sql)


def entities(sql: str, schema: Schema) -> Iterator[str]:
    """Signs as HTML writes them, and HTML's tags."""
    del schema
    bare = _outside(sql)
    if _ENTITY.search(bare) or _MARKUP.search(bare):
        decoded = sql
        for _ in range(3):
            decoded = _ENTITY.sub(lambda match: html.unescape(match[0]), decoded)
        yield _MARKUP.sub(" ", decoded).replace("\u00a0", " ")


def markdown(sql: str, schema: Schema) -> Iterator[str]:
    """Signs that Markdown escapes by a backslash."""
    del schema
    if _MARKDOWN.search(_outside(sql)):
        if "ESCAPE" not in sql.upper():
            yield _MARKDOWN.sub(r"\1", sql)
        yield _on_the_outside(sql, lambda part: _MARKDOWN.sub(r"\1", part))


def breaks(sql: str, schema: Schema) -> Iterator[str]:
    """Line breaks written as a backslash and a letter, or after a backslash."""
    del schema
    bare = _outside(sql)
    if re.search(r"\\[nrt\n]", bare) or bare.rstrip().endswith("\\"):
        yield _breaks(sql)


def _breaks(sql: str) -> str:
    return _on_the_outside(sql, lambda part: re.sub(r"\\[nrt]?\s*", " ", part))


_LITERAL = re.compile(r"('[^']*+(?:''[^']*+)*+(?:'|\Z)|\"[^\"]*(?:\"|\Z))")


def _outside(sql: str) -> str:
    """The text without what stands in quotes."""
    return _LITERAL.sub("''", sql)


def _on_the_outside(sql: str, change: Callable[[str], str]) -> str:
    """The text with a change made only where nothing is in quotes."""
    parts = _LITERAL.split(sql)
    return "".join(part if at % 2 else change(part) for at, part in enumerate(parts))


# -- quotes --------------------------------------------------------------------------------------------

# What may follow the quote that closes a text.
_CLOSES = re.compile(
    r"\s*(?:\Z|[),;=<>!|+*/\]-]|(?:AND|OR|GROUP|ORDER|HAVING|LIMIT|UNION|INTERSECT|EXCEPT|THEN|ELSE|END|WHEN|AS|ASC"
    r"|DESC|IN|NOT|LIKE|IS|BETWEEN|FROM|COLLATE|ESCAPE|JOIN|LEFT|INNER|ON|WHERE)\b)",
    re.IGNORECASE,
)


def escaped_apostrophes(sql: str, schema: Schema) -> Iterator[str]:
    """An apostrophe inside a text, escaped by a backslash: it must be doubled."""
    del schema
    if "\\'" in sql:
        yield sql.replace("\\'", "''")


def apostrophes(sql: str, schema: Schema) -> Iterator[str]:
    """An apostrophe inside a text that is not doubled."""
    del schema
    done, found = [], False
    at, last = 0, sql.rfind("'")
    while at < len(sql):
        if sql[at] != "'":
            done.append(sql[at])
            at += 1
            continue
        done.append("'")
        at += 1
        while at < len(sql):
            char = sql[at]
            if char == "\\" and sql[at + 1 : at + 2] == "'":
                done.append("''")
                found, at = True, at + 2
                continue
            done.append(char)
            at += 1
            if char != "'":
                continue
            if sql[at : at + 1] == "'":
                done.append("'")
                at += 1
            elif _CLOSES.match(sql, at) is None and at <= last:
                done.append("'")
                found = True
            else:
                break
    if found:
        yield "".join(done)
    doubled = re.sub(r"(?<![\w'])''([^'\n]+)''(?!')", r"'\1'", sql)
    if doubled != sql:
        yield doubled


_MISMATCHED = re.compile(r"([`\"'\[])([^\W\d][\w ]{0,60})([`\"'\]])")


def misquoted(sql: str, schema: Schema) -> Iterator[str]:
    """Quotes that open in one way and close in another, round a name of the schema or a text."""
    odd = [quote for quote in "'\"`" if sql.count(quote) % 2]
    if not odd and sql.count("[") == sql.count("]"):
        return
    known = {name.lower(): name for name in _names(schema)}

    def quoted(match: re.Match[str]) -> str:
        before, inside, after = match.groups()
        if before == after or (before, after) == ("[", "]"):
            return match[0]
        name = known.get(inside.lower())
        return quoted_name(name, schema.dialect) if name is not None else _as_string(inside)

    changed = _MISMATCHED.sub(quoted, sql)
    if changed != sql:
        yield changed


_BEFORE_VALUE = re.compile(r"(?:[=<>(,]|\bLIKE\b|\bIN\b)\s*", re.IGNORECASE)
_AFTER_VALUE = re.compile(
    r"(?<!\s)\s*(?:\)|,|;|\Z|\b(?:AND|OR|GROUP BY|ORDER BY|HAVING|LIMIT|UNION|INTERSECT|EXCEPT|FROM)\b)",
    re.IGNORECASE,
)


def unclosed(sql: str, schema: Schema) -> Iterator[str]:
    """A text whose closing or opening quote is missing."""
    del schema
    parts = tokens(sql)
    last = next((at for at in range(len(parts) - 1, -1, -1) if parts[at].solid), None)
    for at in range(len(parts)) if last is not None else ():
        text = parts[at].text
        open_text = parts[at].kind == "text" and (len(text) == 1 or not _is_closed(text))
        open_name = parts[at].kind == "name" and text[0] in '"`' and (len(text) == 1 or text[-1] != text[0])
        if not (open_text or open_name):
            continue
        before, quote = joined(parts[:at]), text[0]
        inside = text[1:]
        if re.match(r"[\s;)]*\Z", inside):
            # Only the closing one is there: it opens after the operator before it.
            start = _BEFORE_VALUE.search(before, max(0, *(before.rfind(sign) for sign in "=<>(,")))
            if start is not None:
                yield before[: start.end()] + quote + before[start.end() :] + text
            yield before + inside
            return
        # It closes before what goes on with the query, else at the end.
        more = _AFTER_VALUE.search(inside)
        end = more.start() if more is not None else len(inside)
        yield before + quote + inside[:end] + quote + inside[end:]
        whole = inside.rstrip("; \n")
        yield before + quote + whole + quote
        return


def _is_closed(text: str) -> bool:
    return (
        len(text) > 1
        and text.endswith("'")
        and (len(text) - len(text.rstrip("'"))) % 2 == (text.strip("'") != "")
    )


# -- operators and comments ----------------------------------------------------------------------------

_OPERATORS = (
    (re.compile(r"!\s+=|=\s*!(?!=)|!=="), "!="), (re.compile(r"<\s+>"), "<>"), (re.compile(r">\s+="), ">="),
    (re.compile(r"<\s+="), "<="), (re.compile(r"=\s*>(?!=)"), ">="), (re.compile(r"=\s*<(?![=>])"), "<="),
    (re.compile(r"===?|=\s+="), "="), (re.compile(r"\|\s+\|"), "||"), (re.compile(r"&&"), " AND "),
)  # fmt: skip


def operators(sql: str, schema: Schema) -> Iterator[str]:
    """Operators torn apart or turned round: `! =`, `= >`, `&&`."""
    del schema

    def change(part: str) -> str:
        for pattern, operator in _OPERATORS:
            part = pattern.sub(operator, part)
        return part

    changed = _on_the_outside(sql, change)
    if changed != sql:
        yield changed


def comments(sql: str, schema: Schema) -> Iterator[str]:
    """Comments as other languages have them, after `#` or `//`."""
    del schema
    parts = tokens(sql)
    done: list[Token] = []
    skipping = found = False
    for part, (_, after) in zip(parts, neighbours(parts), strict=True):
        if (not skipping and part.text == "#") or (part.text == "/" and after.text == "/" and not skipping):
            skipping = found = True
        if skipping and part.kind == "space" and "\n" in part.text:
            skipping = False
        if not skipping:
            done.append(part)
    if found:
        yield joined(done).rstrip()
