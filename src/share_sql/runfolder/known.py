"""The cases of a run, a few bytes each: does a resumed run have the same, which row is whose."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from typing import Any

_EACH = 4
"""Hex digits that stand for a case; all together have a sum of their own, which nothing slips past."""


class KnownCases:
    """Ids and fingerprints of a run's cases, in order: 12 bytes a case, so that a million are no burden.

    Args:
        pairs: id and fingerprint of each case.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._ids = array("Q")
        each = bytearray()
        whole = hashlib.blake2b(digest_size=8)
        for name, fingerprint in pairs:
            self._ids.append(_number(name))
            print_ = hashlib.blake2b(f"{len(name)}:{name}{fingerprint}".encode("utf-8", "replace")).digest()
            whole.update(print_)
            each += print_[: _EACH // 2]
        self._said = {"count": len(self._ids), "sum": whole.hexdigest(), "each": each.hex()}

    def __len__(self) -> int:
        return len(self._ids)

    def has(self, position: int, name: object) -> bool:
        """Whether the case at a position has this id."""
        return (
            0 <= position < len(self._ids) and isinstance(name, str) and self._ids[position] == _number(name)
        )

    def said(self) -> dict[str, Any]:
        """As JSON, for the journal: how many, a sum over all, and some digits of each."""
        return self._said

    def difference(self, said: Any) -> tuple[str, int | None]:
        """How these cases differ from those that a journal has; `("", None)` where they do not.

        Returns:
            What differs, in words; or the first position at which a case does.
        """
        ours = self._said
        if said == ours:
            return "", None
        if not isinstance(said, dict):
            return "its cases cannot be read", None
        before, now = str(said.get("each", "")), str(ours["each"])
        both = min(len(before), len(now)) // _EACH
        for at in range(both):
            if before[at * _EACH : (at + 1) * _EACH] != now[at * _EACH : (at + 1) * _EACH]:
                return "", at
        if said.get("count") != ours["count"]:
            return f"it has {said.get('count')} cases, now there are {ours['count']}", None
        return "one of them differs", None


def _number(name: str) -> int:
    # surrogatepass: ids are other people's texts.
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
