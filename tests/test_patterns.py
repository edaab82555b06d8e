"""The work of no regular expression grows faster than its text."""

from __future__ import annotations

import re

import pytest

from tests.patterns import Pattern, grows, patterns, texts

_TEXTS = 30
"""Texts of a pattern that are tried here; `python -m tests.patterns` tries more."""
BOUNDED = {
    ("share_sql.sql.answer", r"""[\"']?(?P<name>"""): "the 60 characters before a string",
    ("share_sql.sql.statements", "(?:[:；]|(?<!&lt)"): "the 80 characters before a query",
    ("share_sql.sql.statements", r"\n[ \t]*\n"): "the 40 characters before a query",
    ("share_sql.sql.endings", r"\w+\Z"): "the 40 characters before an end",
    ("share_sql.evaluation.report", "<style"): "pictures that the package draws itself",
}
"""Patterns that grow, by module and how they begin, with what they are tried on alone."""


def _is_bounded(pattern: Pattern) -> bool:
    module = pattern.where.partition(":")[0]
    return any(module == where and pattern.regex.pattern.startswith(start) for where, start in BOUNDED)


def test_no_pattern_grows_faster_than_its_text() -> None:
    found = patterns()
    assert len(found) > 200
    growing = []
    for pattern in found:
        if _is_bounded(pattern):
            continue
        for text in texts(pattern.regex, _TEXTS):
            if exponent := grows(pattern.run, text):
                growing.append(f"{pattern} on {text}: {exponent:.1f}")
                break
    assert growing == []


@pytest.mark.parametrize("pattern", [r"\s*x", r"(?:a|b)*c", r"/\*.*?\*/", r"(?:-+)*\Z", r"\[[^\]]*\]"])
def test_a_pattern_that_grows_is_found(pattern: str) -> None:
    made = Pattern("here", re.compile(pattern), "finditer")
    assert any(grows(made.run, text) for text in texts(made.regex, 400))
