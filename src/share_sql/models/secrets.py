"""What is secret of an endpoint: keys and headers loaded clean, and covered wherever others' words are shown.

A server may quote what it was sent, as it is or encoded; so may a library. `Secrets.cover` finds a secret as
it is, URL-encoded, in base64 (of itself, of `user:password`, and inside a longer text), in hexadecimal, and
with the escapes of JSON, HTML and Python.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from urllib.parse import quote, quote_plus

from share_sql.errors import SettingsError

PLACEHOLDER = "none"
"""Sent as the key to servers that ask for none; no secret."""
COVER = "***"
"""Stands where a secret stood."""
_LONGEST_WORDS = 4000
"""Characters of others' words that are looked at."""
_SHORT = 8
"""A secret, or an encoding of one, of fewer characters is covered where it stands alone: within longer words
it is mostly chance."""
_LEAST_CORE = 6
"""Bytes of a secret that is looked for inside longer base64."""
_LEAST_PART = 4
"""Characters of a part of a credential that is secret by itself."""
_CREDENTIAL = re.compile(r"auth|key|token|secret|cookie|passw|credential|session|^sig|^code$", re.IGNORECASE)
"""Names of headers, and of values in a URL, that hold credentials."""
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def checked_key(key: str, name: str) -> str:
    """A key without the white space around it; mounted secrets end in a line break.

    Args:
        key: as it was given.
        name: the argument or variable that holds it, for the message.

    Raises:
        SettingsError: a character in it cannot stand in a key (RFC 6750, 2.1, and more widely any that is not
            printable ASCII). The message does not show the key.
    """
    key = key.strip().strip("\ufeff").strip()
    fault = _fault(key)
    if fault is None and " " in key:
        fault = "a space"
    if fault is not None:
        raise SettingsError(f"the key in {name} holds {fault}; set it to the key alone")
    return key


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers whose values have no white space around them.

    Raises:
        SettingsError: a name or a value cannot be sent (RFC 9110, 5.5 and 5.6.2); values are not shown.
    """
    checked = {}
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise SettingsError(f"{name[:40]!r} is no name of a header; use letters, digits and hyphens")
        if not isinstance(value, str):
            raise SettingsError(f"the value of the header {name} is not text")
        fault = _fault(value.strip())
        if fault is not None:
            raise SettingsError(f"the value of the header {name} holds {fault}; set it anew")
        checked[name] = value.strip()
    return checked


def _fault(value: str) -> str | None:
    """What cannot be sent in a value, in words; None where all can."""
    if "\n" in value or "\r" in value:
        return "a line break"
    if any(ord(each) < 32 or ord(each) == 127 for each in value):
        return "a control character"
    return None if value.isascii() else "a character that is not ASCII"


class Secrets:
    """Secrets of one endpoint, to cover in others' words."""

    def __init__(
        self,
        keys: Iterable[str] = (),
        headers: Mapping[str, str] | None = None,
        pairs: Iterable[tuple[str, str]] = (),
        query: Iterable[tuple[str, str]] = (),
    ) -> None:
        """
        Args:
            keys: keys, and other texts that are secret as a whole.
            headers: headers by name; their values are secret.
            pairs: users and passwords.
            query: names and values of a URL's query; the values are secret.
        """
        self._credentials = {each for each in keys if each and each != PLACEHOLDER}
        self._others: set[str] = set()
        for user, password in pairs:
            self._others.add(user)
            both = f"{user}:{password}"
            self._credentials |= {password, both, base64.b64encode(both.encode()).decode()}
        for name, value in (*(headers or {}).items(), *query):
            found = self._credentials if _CREDENTIAL.search(name) else self._others
            found.add(value)
            # `Bearer KEY`, `session=KEY; path=/`: the part alone is as secret as the whole.
            parts = re.split(r"[\s;,=]+", value)
            found.update(part for part in parts if len(part) >= _SHORT and _is_mixed(part))
            if _CREDENTIAL.search(name):
                found.update(part for part in parts[1:] if len(part) >= _LEAST_PART)
        self._credentials -= {"", ":", PLACEHOLDER}
        self._others -= {"", PLACEHOLDER}

    def cover(self, said: object) -> str:
        """Others' words on one printable line, with each secret covered."""
        text = str(said)
        if len(text) > _LONGEST_WORDS:
            # What is cut through at the end must not stay as half a secret.
            longest = max(map(len, self._everywhere), default=0)
            text = text[: _LONGEST_WORDS - longest]
        text = _covered(text, self._everywhere, self._alone)
        text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
        return _covered(text, self._everywhere, self._alone)

    def cover_sure(self, text: str) -> str:
        """A text that holds a word of a header by chance, as an answer or a URL may, with what is surely a
        secret covered."""
        return _covered(text, self._sure, ())

    @cached_property
    def _everywhere(self) -> tuple[str, ...]:
        """What is covered wherever it stands, in lower case, longest first."""
        found = {each for each in self._variants if not self._is_word(each)}
        return tuple(sorted({each.translate(_LOWER) for each in found}, key=lambda each: (-len(each), each)))

    @cached_property
    def _alone(self) -> tuple[re.Pattern[str], ...]:
        """What is covered where it stands alone: ordinary words, and what is short."""
        short = sorted(filter(self._is_word, self._variants))
        # An escape before it is no part of the word.
        before = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))"
        return tuple(re.compile(f"{before}{re.escape(each)}(?![A-Za-z0-9])") for each in short)

    def _is_word(self, variant: str) -> bool:
        plain = variant in self._credentials or variant in self._others
        return len(variant) < _SHORT or (plain and variant.isalpha())

    @cached_property
    def _sure(self) -> tuple[str, ...]:
        sure = {each for each in self._credentials if _is_sure(each)}
        sure |= {each for each in self._others if len(each) >= 2 * _SHORT and _is_mixed(each)}
        found = {variant for each in sure for variant in (each, *_encoded(each)) if len(variant) >= 6}
        return tuple(sorted({each.translate(_LOWER) for each in found}, key=lambda each: (-len(each), each)))

    @cached_property
    def _variants(self) -> frozenset[str]:
        found: set[str] = set()
        for secret in self._credentials | self._others:
            if len(secret) >= 2 * _SHORT:
                half = len(secret) // 2
                found |= {secret[:half], secret[half:]}  # cut short by whoever quotes it
            found.add(secret)
            for variant in tuple(_encoded(secret)):
                found |= {variant, *_escaped(variant)}
        return frozenset(each for each in found if each)


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_sure(value: str) -> bool:
    """Whether a credential is unlike all that a model answers."""
    return len(value) >= 6 and (_is_mixed(value) or (len(value) >= 12 and not value.isalpha()))


def _encoded(secret: str) -> Iterator[str]:
    """A secret in each encoding; many are the same for plain ones."""
    raw = secret.encode("utf-8", "replace")
    yield from _escaped(secret)
    yield "".join(f"%{byte:02X}" for byte in raw)
    yield "".join(f"\\u{ord(each):04x}" for each in secret)
    yield "".join(f"&#{ord(each)};" for each in secret)
    yield "".join(f"&#x{ord(each):x};" for each in secret)
    yield raw.hex()
    yield raw.hex(" ")
    yield base64.b32encode(raw).decode().rstrip("=")
    for whole in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield whole
        yield whole.rstrip("=")
    if len(raw) >= _LEAST_CORE:
        # Inside a longer text three bytes may begin at any of three places; what does not depend on the
        # neighbours is looked for.
        for shift in (1, 2):
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(b"\0" * shift + raw).decode().rstrip("=")[shift + 1 : -1]
        yield base64.b64encode(raw).decode().rstrip("=")[:-1]
        yield base64.urlsafe_b64encode(raw).decode().rstrip("=")[:-1]


def _escaped(text: str) -> Iterator[str]:
    """A text as URLs, JSON, HTML and Python write it."""
    yield quote(text, safe="")
    yield quote(text)
    yield quote_plus(text)
    inner = json.dumps(text)[1:-1]
    yield inner
    yield inner.replace("/", "\\/")
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    # As JSON of Go and of some templates writes it.
    yield (
        inner.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("=", "\\u003d")
    )
    yield html.escape(text)
    yield html.escape(text).replace("&#x27;", "&#39;")
    yield html.escape(text, quote=False)
    yield repr(text)[1:-1]


def _covered(text: str, everywhere: Iterable[str], alone: Iterable[re.Pattern[str]]) -> str:
    low = text.translate(_LOWER)
    places: list[tuple[int, int]] = []
    for variant in everywhere:
        at = low.find(variant)
        while at >= 0:
            places.append((at, at + len(variant)))
            at = low.find(variant, at + len(variant))
    for pattern in alone:
        places.extend(found.span() for found in pattern.finditer(text))
    if not places:
        return text
    parts, end = [], 0
    for start, stop in sorted(places):
        if start >= end:
            parts += [text[end:start], COVER]
        end = max(end, stop)
    return "".join([*parts, text[end:]])
