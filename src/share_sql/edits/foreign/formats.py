"""Formats of dates and numbers: what TO_CHAR, DATE_FORMAT and their like write, in SQLite's words.

A format is first brought to the directives of C's strftime, with sqlglot's `%-d` for numbers without a
leading zero. SQLite's own strftime knows few of them; the others are computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from sqlglot import exp

from share_sql.edits.foreign.nodes import binary, call, cast, divided, joined, number, text

_NATIVE = frozenset("YmdHMSjwf%s")
"""Directives that SQLite's strftime has since its first versions (sqlite.org/lang_datefunc.html)."""
_DIRECTIVE = re.compile(r"%(?:[-^,]?[A-Za-z]|%)")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WHOLE: Mapping[str, str] = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", "e": "%-d"}
_BARE = {"d": "%d", "m": "%m", "H": "%H", "M": "%M", "S": "%S", "j": "%j"}

# PostgreSQL's patterns (documentation, table 9.31), as Oracle's and Snowflake's; the longest comes first.
_TO_CHAR: Mapping[str, str] = {
    "YYYY": "%Y", "HH24": "%H", "HH12": "%I", "Month": "%B", "MONTH": "%^B", "month": "%,B", "DDD": "%j",
    "Mon": "%b", "MON": "%^b", "mon": "%,b", "Day": "%A", "DAY": "%^A", "day": "%,A", "Dy": "%a",
    "DY": "%^a", "dy": "%,a", "YY": "%y", "MM": "%m", "DD": "%d", "HH": "%I", "MI": "%M", "SS": "%S",
    "IW": "%V", "AM": "%p", "PM": "%p", "Q": "%Q",
}  # fmt: skip
_TO_CHAR_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|(?:FM|fm|TM)?(?P<token>YYYY|yyyy|HH24|hh24|HH12|hh12|Month|MONTH|month|DDD|ddd'
    r"|Mon|MON|mon|Day|DAY|day|Dy|DY|dy|YY|yy|MM|mm|DD|dd|HH|hh|MI|mi|SS|ss|IW|AM|PM|Q)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_NUMERIC = re.compile(r"\A(?:FM|fm)?[L$]?(?P<whole>[90,G]*[90])(?:[.D](?P<decimals>[90]+))?\Z")


def written_date(value: exp.Expr, form: str) -> exp.Expr | None:
    """A date as text.

    Args:
        value: a date, a date and time.
        form: the format, in strftime's directives.

    Returns:
        An expression; None where the format holds something that cannot be computed.
    """
    for short, whole in _WHOLE.items():
        form = form.replace(f"%{short}", whole)
    parts: list[exp.Expr] = []
    plain = ""
    at = 0
    for match in _DIRECTIVE.finditer(form):
        plain += form[at : match.start()].replace("%", "%%")
        at = match.end()
        name = match[0][1:]
        if name in _NATIVE:
            plain += match[0]
            continue
        computed = _computed(value, name)
        if computed is None:
            return None
        if plain:
            parts.append(_strftime(plain, value))
        plain = ""
        parts.append(computed)
    plain += form[at:].replace("%", "%%")
    if plain or not parts:
        parts.append(_strftime(plain, value))
    return joined(*parts)


def _strftime(form: str, value: exp.Expr) -> exp.Expr:
    return call("STRFTIME", form, value) if "%" in form.replace("%%", "") else text(form.replace("%%", "%"))


def _computed(value: exp.Expr, name: str) -> exp.Expr | None:
    """A directive that SQLite's strftime does not have."""
    if name.startswith("-") and name[1:] in _BARE:
        return cast(cast(call("STRFTIME", _BARE[name[1:]], value), "INTEGER"), "TEXT")
    if name.startswith(("^", ",")):
        plain = _computed(value, name[1:])
        return None if plain is None else call("UPPER" if name[0] == "^" else "LOWER", plain)
    month, day = number_of("%m", value), number_of("%w", value)
    if name in ("B", "b", "h"):
        return _picked(_MONTHS, binary(exp.Sub, month, number(1)), short=name != "B")
    if name in ("A", "a"):
        return _picked(_DAYS, day, short=name == "a")
    if name == "y":
        return call("SUBSTR", call("STRFTIME", "%Y", value), number(3), number(2))
    if name in ("I", "-I"):
        hour = binary(exp.Mod, binary(exp.Add, number_of("%H", value), number(11)), number(12))
        shown = binary(exp.Add, hour, number(1))
        return call("PRINTF", "%02d" if name == "I" else "%d", shown)
    if name == "Q":
        return cast(quarter(value), "TEXT")
    if name == "V":
        return call("PRINTF", "%02d", iso_week(value))
    if name == "p":
        before = exp.LT(this=number_of("%H", value), expression=number(12))
        return call("IIF", before, "AM", "PM")
    return None


def _picked(names: tuple[str, ...], at: exp.Expr, short: bool) -> exp.Expr:
    """The name at a place that is counted from 0."""
    width = 3 if short else max(map(len, names))
    table = "".join(name[:width].ljust(width) for name in names)
    start = exp.Add(this=exp.Mul(this=at, expression=number(width)), expression=number(1))
    name = call("SUBSTR", text(table), start, number(width))
    return name if short else call("RTRIM", name)


def number_of(form: str, value: exp.Expr) -> exp.Expr:
    """What strftime gives for a format of digits, as a number."""
    return cast(call("STRFTIME", form, value), "INTEGER")


def quarter(value: exp.Expr) -> exp.Expr:
    """The quarter of a date, 1 to 4."""
    return exp.Paren(this=divided(binary(exp.Add, number_of("%m", value), number(2)), number(3)))


def iso_week(value: exp.Expr) -> exp.Expr:
    """The week by ISO 8601: that of the Thursday of the date's week."""
    thursday = call("DATE", value, "-3 days", "weekday 4")
    days = binary(exp.Sub, number_of("%j", thursday), number(1))
    return binary(exp.Add, divided(days, number(7)), number(1))


def of_to_char(form: str) -> str | None:
    """A format of TO_CHAR in strftime's directives; None where it holds what they cannot say."""
    found = ""
    for match in _TO_CHAR_TOKEN.finditer(form):
        if match["token"] is None:
            found += (match["quoted"] if match["quoted"] is not None else match["other"]).replace("%", "%%")
            continue
        token = match["token"]
        directive = _TO_CHAR.get(token) or _TO_CHAR.get(token.upper(), "")
        if match[0].startswith(("FM", "fm")) and directive in ("%d", "%m", "%H", "%M", "%S", "%j"):
            directive = f"%-{directive[1:]}"
        if not directive or not _DIRECTIVE.fullmatch(directive):
            return None
        found += directive
    return found


def written_number(value: exp.Expr, form: str) -> exp.Expr | None:
    """A number as text, for TO_CHAR's formats of nines and noughts; None for a format of another kind."""
    match = _NUMERIC.match(form.strip())
    if match is None or "," in match["whole"] or "G" in match["whole"]:
        return None
    return call("PRINTF", f"%.{len(match['decimals'] or '')}f", value)


def read_literal(value: str, form: str) -> str | None:
    """A date in another format as SQLite stores it; None where it does not fit the format."""
    try:
        # The day's clock matters alone; no zone is known, and none is wanted.
        moment = datetime.strptime(value.strip(), form.replace("%-", "%"))
    except (ValueError, re.error):
        return None  # a format with the same part twice is refused by `re`
    has_time = any(mark in form for mark in ("%H", "%I", "%M", "%-H", "%-I"))
    return moment.strftime("%Y-%m-%d %H:%M:%S" if has_time else "%Y-%m-%d")


def read_date(value: exp.Expr, form: str) -> exp.Expr | None:
    """A stored text in another format as a date; None where its parts stand at no fixed place."""
    if form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        return call("DATE" if form == "%Y-%m-%d" else "DATETIME", value)
    places: dict[str, int] = {}
    at = 1
    index = 0
    while index < len(form):
        if form[index] == "%":
            name = form[index + 1 : index + 2]
            if name not in ("Y", "m", "d"):
                return None
            places[name] = at
            at += 4 if name == "Y" else 2
            index += 2
        else:
            at += 1
            index += 1
    if set(places) != {"Y", "m", "d"}:
        return None
    parts = [call("SUBSTR", value, number(places[name]), number(4 if name == "Y" else 2)) for name in "Ymd"]
    return joined(parts[0], text("-"), parts[1], text("-"), parts[2])
