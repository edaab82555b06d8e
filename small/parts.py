"""A large file in parts, for a road that takes little at a time, and the parts as one file again.

    python -m small.parts split FILE FOLDER [--mib N]
    python -m small.parts join FOLDER OUT

Parts are FOLDER/NAME.000, NAME.001, … of at most N MiB (60), and FOLDER/NAME.parts.json with the checksum of
each and of the whole. `join` looks for the parts in FOLDER and in the folders within it, writes OUT where all
are whole, and says which are missing or damaged where not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

MIB = 1024 * 1024
_LIST = ".parts.json"


def split(file: Path, folder: Path, mib: int = 60) -> list[Path]:
    """Write a file's parts and their list, and return all of them, the list last."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = hashlib.sha256()
    parts: list[Path] = []
    sums: dict[str, str] = {}
    with file.open("rb") as source:
        while data := source.read(mib * MIB):
            part = folder / f"{file.name}.{len(parts):03}"
            part.write_bytes(data)
            whole.update(data)
            parts.append(part)
            sums[part.name] = hashlib.sha256(data).hexdigest()
    told = folder / f"{file.name}{_LIST}"
    told.write_text(
        json.dumps({"sha256": whole.hexdigest(), "parts": sums}, indent=1) + "\n", encoding="utf-8"
    )
    return [*parts, told]


def join(folder: Path, out: Path) -> None:
    """Put the parts that lie in a folder, or in folders within it, together. What is there whole is left as
    it is.

    Raises ValueError where the list or parts are missing, or a part is damaged; the message names them.
    """
    lists = sorted(folder.rglob(f"*{_LIST}"))
    if len(lists) != 1:
        raise ValueError(f"{folder} holds {len(lists)} lists of parts (*{_LIST}); it must hold one")
    told = json.loads(lists[0].read_text(encoding="utf-8"))
    if out.exists() and _sum(out) == told["sha256"]:
        return
    where = {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}
    bad = [name for name in told["parts"] if name not in where]
    bad += [name for name, known in told["parts"].items() if name in where and _sum(where[name]) != known]
    if bad:
        raise ValueError(f"missing or damaged: {', '.join(bad)}; bring them again")
    new = out.with_name(out.name + ".new")
    with new.open("wb") as target:
        for name in told["parts"]:
            target.write(where[name].read_bytes())
    new.replace(out)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Split or join."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("split", "join"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--mib", type=int, default=60)
    args = parser.parse_args()
    if args.verb == "split":
        print(*split(args.source, args.target, args.mib), sep="\n")
        return
    try:
        join(args.source, args.target)
    except ValueError as error:
        sys.exit(str(error))
    print(f"{args.target}: {args.target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
