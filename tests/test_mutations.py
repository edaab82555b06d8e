"""The mutants are of this code: each finds its place, and gives Python."""

from __future__ import annotations

import pytest

from tests.mutations import MUTANTS, ROOT, Mutant, mutated, read_mutants


@pytest.mark.parametrize(
    "mutant", read_mutants(MUTANTS.read_text(encoding="utf-8")), ids=lambda mutant: mutant.title
)
def test_a_mutant_finds_its_place(mutant: Mutant) -> None:
    if not mutant.equal:
        mutated(mutant, (ROOT / "src" / "share_sql" / mutant.file).read_text(encoding="utf-8"))
