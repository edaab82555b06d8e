"""Texts for agents: what is cut says so, what is hidden is shown."""

from __future__ import annotations

import json

import pytest

from share_sql.serve.mcp_text import cut, one_line, visible


def test_what_is_cut_says_by_how_much() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 4) == "abcd (+2 characters)…"
    assert one_line(" a\n b\u2028c ", 10) == "a b c"


@pytest.mark.parametrize(
    "text",
    [
        "plain, ü 漢 🙂",
        "\x1b[2J",
        "\x9b31m",
        "\N{RIGHT-TO-LEFT OVERRIDE}",
        "\N{TAG LATIN SMALL LETTER A}",
        "\0",
    ],
)
def test_what_is_hidden_is_shown_and_nothing_is_lost(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == text
