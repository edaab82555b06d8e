"""A role's examples as token ids in one file, so that a GPU machine needs neither tokenizer nor texts.

    python -m small.arrays ROLE EXAMPLES OUT --base GGUF [--prompts SET] [--longest TOKENS] [--most N]

ROLE is any of those that `RECIPES` names, EXAMPLES what `share data`, `small.pairs`, `small.errors` or
`small.questions` wrote, OUT a `.npz` file, which must stay under 60 MiB. Examples of held-out databases are
in it, marked, so that a training is looked at by them. --most leaves the last examples out where there are
more: those about real errors and the shorter ones come first.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from small.examples import Examples, Reader, read_rows
from small.folds import fold_of, held_out

MOST_BYTES = 60 * 1024 * 1024
"""Of a file."""


@dataclass(frozen=True)
class Kind:
    """How a role's examples become sequences."""

    longest: int = 1_600
    """Tokens; longer examples are left out."""
    of_question: bool = False
    """Prompts of one question begin alike; else those of one database do."""
    ends: bool = True
    """Whether the end of an answer is learnt too."""


RECIPES: Mapping[str, Kind] = MappingProxyType(
    {
        "scorer": Kind(longest=768, of_question=True, ends=False),
        "errors": Kind(),
        "bam": Kind(),
        "sam": Kind(),
        "lom": Kind(),
        "drafter": Kind(),
    }
)
"""By role."""


@dataclass(frozen=True)
class Arrays:
    """Examples of one role."""

    role: str
    told: Mapping[str, Any]
    """`prompts`, the set's name; `end`, `yes` and `no`, tokens; `kinds`, the names that `kind` counts."""
    examples: Examples
    group: NDArray[np.int64]
    """Of each example: whose prompts begin alike."""
    fold: NDArray[np.uint8]
    held: NDArray[np.bool_]
    """Whether its database is held out."""
    kind: NDArray[np.uint16]
    """Place in `kinds`."""
    row: NDArray[np.int64]
    """Place in the file of examples."""

    def __len__(self) -> int:
        return len(self.examples)

    @classmethod
    def of(
        cls,
        role: str,
        rows: Sequence[Mapping[str, Any]],
        reader: Reader,
        prompts: str,
        longest: int | None = None,
    ) -> Arrays:
        """Examples as token ids.

        Args:
            role: a key of RECIPES.
            rows: as `share data` writes them.
            reader: the base's tokenizer.
            prompts: the set that they were made with.
            longest: tokens; longer examples are left out.
        """
        recipe = RECIPES[role]
        examples, kept = reader.examples(rows, longest or recipe.longest, ends=recipe.ends)
        chosen = [rows[i] for i in kept]
        where = [(row["source"], row["database"], row["id"] if recipe.of_question else "") for row in chosen]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(where))}
        names = [str(row.get("kind", "gold")).partition(":")[0] for row in chosen]
        kinds = list(dict.fromkeys(names))
        word = {each: reader.tokenizer.encode(each).ids[0] for each in ("yes", "no")}
        return cls(
            role,
            {"prompts": prompts, "end": reader.end, "kinds": kinds, **word},
            examples,
            np.array([numbers[name] for name in where], np.int64),
            np.array([fold_of(source, database) for source, database, _ in where], np.uint8),
            np.array([held_out(source, database) for source, database, _ in where], np.bool_),
            np.array([kinds.index(name) for name in names], np.uint16),
            np.array(kept, np.int64),
        )

    def take(self, which: Sequence[int] | NDArray[np.int64]) -> Arrays:
        """Those at these positions."""
        places = np.asarray(which, np.int64)
        return replace(
            self,
            examples=self.examples.take(places.tolist()),
            group=self.group[places],
            fold=self.fold[places],
            held=self.held[places],
            kind=self.kind[places],
            row=self.row[places],
        )

    def write(self, path: Path) -> None:
        """Write the file. Raises ValueError where it is too large; nothing is left then."""
        prompts, answers = self.examples.prompts, self.examples.answers
        parts = [part for both in zip(prompts, answers, strict=True) for part in both]
        ids = np.concatenate(parts) if parts else np.array([], np.int32)
        # Texts of one kind use a few ten thousand tokens of a vocabulary: two bytes each, not four.
        vocabulary, places = np.unique(ids, return_inverse=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            role=np.array(self.role), told=np.array(json.dumps(self.told)),
            vocabulary=vocabulary.astype(np.uint32),
            ids=places.astype(np.uint16 if len(vocabulary) <= 1 << 16 else np.uint32),
            prompts=np.array([len(each) for each in prompts], np.uint32),
            answers=np.array([len(each) for each in answers], np.uint32),
            group=self.group.astype(np.uint32), fold=self.fold, held=self.held, kind=self.kind,
            row=self.row.astype(np.uint32),
        )  # fmt: skip
        size = path.stat().st_size
        if size > MOST_BYTES:
            path.unlink()
            raise ValueError(
                f"{path.name} would have {size / 2**20:.0f} MiB, and 60 are the most; --most "
                f"{len(self) * MOST_BYTES * 9 // size // 10} leaves the last ones out"
            )

    @classmethod
    def read(cls, path: Path) -> Arrays:
        """What `write` wrote."""
        with np.load(path) as file:
            ids = file["vocabulary"][file["ids"]].astype(np.int32)
            lengths = np.stack((file["prompts"], file["answers"]), 1).astype(np.int64)
            parts = np.split(ids, np.cumsum(lengths.ravel())[:-1]) if len(lengths) else []
            return cls(
                str(file["role"]), json.loads(str(file["told"])), Examples(parts[::2], parts[1::2]),
                file["group"].astype(np.int64), file["fold"], file["held"], file["kind"],
                file["row"].astype(np.int64),
            )  # fmt: skip


def main() -> None:
    """Write a role's file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("role", choices=list(RECIPES))
    parser.add_argument("examples", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", type=Path, required=True, help="GGUF file, for its tokenizer")
    parser.add_argument("--prompts", default="coder", help="the set that the examples were made with")
    parser.add_argument("--longest", type=int)
    parser.add_argument("--most", type=int, help="examples")
    args = parser.parse_args()
    arrays = Arrays.of(args.role, read_rows(args.examples), Reader.of(args.base), args.prompts, args.longest)
    if args.most is not None and len(arrays) > args.most:
        arrays = arrays.take(np.sort(first(arrays, args.most)))
    try:
        arrays.write(args.out)
    except ValueError as error:
        sys.exit(str(error))
    tokens = int(arrays.examples.lengths().sum())
    print(
        f"{args.out}: {len(arrays):,} examples, {int(arrays.held.sum()):,} held out, {tokens:,} tokens, "
        f"{args.out.stat().st_size:,} bytes"
    )


def is_real(arrays: Arrays) -> NDArray[np.bool_]:
    """Which examples are about a draft that a model wrote."""
    real = np.array(["draft" in kind for kind in arrays.told["kinds"]], np.bool_)
    return real[arrays.kind]


def first(arrays: Arrays, most: int) -> NDArray[np.int64]:
    """The examples that are worth most, held-out ones among them: real errors, then the shorter ones."""
    return np.lexsort((arrays.examples.lengths(), ~is_real(arrays)))[:most]


if __name__ == "__main__":
    main()
