"""Days as texts write them."""

from __future__ import annotations

import re
from datetime import date, datetime

_FORMS = (
    "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%m/%d/%y", "%B %d, %Y", "%B %d %Y", "%d %B %Y",
    "%b %d, %Y", "%d %b %Y", "%Y%m%d", "%d.%m.%Y",
)  # fmt: skip
_MAYBE = re.compile(r"\d{6,8}\Z|\w\W+\w+\W+\w")
"""What every text in one of these forms matches: one number, or three parts."""


def days(text: str) -> list[date]:
    """The days that a text may mean; several where day and month may be either."""
    text = text.strip()
    found: list[date] = []
    if _MAYBE.search(text) is None:  # most texts are no days, and to try the forms takes as long as a query
        return found
    for form in _FORMS:
        try:
            found.append(datetime.strptime(text, form).date())
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def spellings(day: date) -> list[str]:
    """How a day may be written, the commonest first."""
    written = [day.strftime(form) for form in _FORMS]
    forms = [form for each in written for form in sorted({each, _without_zeros(each)})]
    return list(dict.fromkeys(forms))


def is_iso_day(text: str) -> bool:
    """Whether a text is a day in ISO 8601, and such a day exists."""
    return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(days(text))


def _without_zeros(text: str) -> str:
    return re.sub(r"\b0(\d)", r"\1", text)
