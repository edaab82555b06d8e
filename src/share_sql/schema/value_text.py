"""Forms of a text: as the value index compares it, and as SQL quotes a name."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 200
"""Longer texts are prose, not names or codes; they are not in the index."""

_NO_LETTER = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    """The text as any database can store it: lone surrogates, which a model may write, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def quoted(name: str) -> str:
    """A name as SQL may write any name: in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def folded(text: str) -> str:
    """Without case, accents and repeated space: ` São  Paulo` is `sao paulo`."""
    if not text.isascii():
        text = "".join(
            char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char)
        )
    return " ".join(text.casefold().split())


def squashed(text: str) -> str:
    """Letters and digits of the folded text alone: `U.S.A.` is `usa`. A text with none stays as folded."""
    text = folded(text)
    return text if text.isalnum() else _NO_LETTER.sub("", text) or text


def grams(text: str) -> list[str]:
    """The distinct trigrams of a folded text, with a space on either side.

    The spaces let texts of one and two characters have trigrams too, and weigh beginnings and ends.
    """
    text = f" {text} "
    return list(dict.fromkeys([text[at : at + 3] for at in range(len(text) - 2)]))
