"""Cases from a file: one JSON object a line, with labels where there are any.

    {"id": "7", "question": "…", "evidence": "…", "database": "shop.sqlite", "draft": "SELECT …"}

With labels a line also has `gold`, `prediction`, `difficulty`. Other fields are kept in `raw`.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from share_sql.case import Case
from share_sql.errors import BenchmarkError, CaseError

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LabelledCase:
    """A case with what is known of its answer, and where it comes from."""

    case: Case
    gold: str = ""
    """The right SQL; empty where unknown. Only evaluation and calibration read it."""
    prediction: str = ""
    """SQL to score in `share eval`; empty where there is none."""
    difficulty: str = ""
    """BIRD's simple, moderate or challenging; empty where unknown."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The whole object, as the file has it."""
    place: str = ""
    """File and line, for messages."""
    problem: str | None = None
    """Why it cannot be worked on (a line that is no JSON, a missing field, an id twice); None for a good
    case. The message of the error that strict reading raises."""
    duplicate: bool = False
    """Whether an earlier case has its id."""


def read_cases_jsonl(path: Path, need: Collection[str] = (), *, keep_bad: bool = False) -> list[LabelledCase]:
    """Read a file of cases.

    Args:
        path: JSON Lines; a JSON list of objects is read too. Blank lines are skipped.
        need: fields that each case must have, beside `id`: of question, database, draft, gold,
            prediction. A needed field may be empty text, but not absent.
        keep_bad: True: a bad line becomes a case with `problem` set, so that no other case is lost.
            False: it raises.

    Returns:
        The cases in file order. A number as id becomes text. An id that is missing is made from the line
        number (with `problem` set).

    Raises:
        BenchmarkError: there is no such file, or not one case in it.
        CaseError: a line is no JSON object, lacks a field, or has a field of the wrong kind or an id that
            was there before; not where `keep_bad` is set.
    """
    cases = mark_duplicates(case_at(number, row, path.name, need) for number, row in read_rows(path))
    if not cases:
        raise BenchmarkError(f"{path} holds no case; expected one JSON object a line")
    if not keep_bad:
        for case in cases:
            if case.problem:
                raise CaseError(f"{case.place}: {case.problem}")
    return cases


def mark_duplicates(cases: Iterable[LabelledCase]) -> list[LabelledCase]:
    """Set `problem` on each good case whose id an earlier one has."""
    seen: dict[str, str] = {}
    return [
        as_double(case, first if (first := seen.setdefault(case.case.id, case.place)) != case.place else None)
        for case in cases
    ]


def as_double(case: LabelledCase, first: str | None) -> LabelledCase:
    """A case whose id another at the place `first` has, where there is one."""
    if first is None:
        return case
    taken = f"the id {case.case.id!r} is taken already, by {first}; ids must differ"
    return replace(case, problem=case.problem or taken, duplicate=True)


class CaseFile(Collection[LabelledCase]):
    """A file of cases, read as it is gone through, as often as that is done; in memory is a number for each.

    Bad lines become cases with `problem` set.

    Args:
        path: JSON Lines; a JSON list of objects is read too, but as a whole.
        need: as of `read_cases_jsonl`.
        limit: only the first cases; None for all.
        known_as: gives the name that a database's cases have it under.

    Raises:
        BenchmarkError: there is no such file, or not one case in it.
    """

    def __init__(
        self,
        path: Path,
        need: Collection[str],
        *,
        limit: int | None = None,
        known_as: Callable[[str], str] = str,
    ) -> None:
        self._path, self._need, self._limit, self._known_as = path, need, limit, known_as
        self.databases: tuple[str, ...] = ()
        """What good cases name, each once, as the file has it."""
        ids = array("q")
        names: dict[str, None] = {}
        for labelled in self._read():
            ids.append(id_number(labelled.case.id))
            if not labelled.problem:
                names.setdefault(labelled.case.database)
        self.databases = tuple(names)
        self._count = len(ids)
        if not ids:
            raise BenchmarkError(f"{path} holds no case; expected one JSON object a line")
        self._first = repeated(ids)

    def _read(self) -> Iterator[LabelledCase]:
        rows = islice(read_rows(self._path), self._limit)
        return (case_at(number, row, self._path.name, self._need) for number, row in rows)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[LabelledCase]:
        places = dict.fromkeys(self._first.values(), "")
        for position, labelled in enumerate(self._read()):
            if position in places:
                places[position] = labelled.place
            labelled = as_double(labelled, places.get(self._first.get(position, -1)))
            yield replace(
                labelled, case=replace(labelled.case, database=self._known_as(labelled.case.database))
            )

    def __contains__(self, case: object) -> bool:
        return any(case == each for each in self)


def repeated(numbers: array[int]) -> dict[int, int]:
    """The positions of numbers that stand earlier too, with the first position of each."""
    import numpy as np

    values = np.frombuffer(numbers, dtype=np.int64)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    found: dict[int, int] = {}
    for at in again.tolist():  # in order: what is before it is the first, or leads to it
        before = int(order[at - 1])
        found[int(order[at])] = found.get(before, before)
    return found


def id_number(name: str) -> int:
    """A number that stands for an id, in 8 bytes."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def read_bytes(path: Path, what: str) -> bytes:
    """A file's bytes. Raises BenchmarkError that names the file and what was expected in it."""
    with _told(path, what):
        return path.read_bytes()


@contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Tell what keeps a file from being read as BenchmarkError."""
    try:
        yield
    except FileNotFoundError:
        raise BenchmarkError(f"there is no file {path}; expected {what}") from None
    except OSError as error:
        raise BenchmarkError(f"{path} cannot be read ({error.strerror}); expected {what}") from error


def read_json(path: Path, what: str) -> Any:
    """A JSON file's value. Raises BenchmarkError that names the file and what was expected in it."""
    try:
        return json.loads(read_bytes(path, what).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BenchmarkError(f"{path} is not JSON ({error}); expected {what}") from error


def read_rows(path: Path, what: str = "cases, one JSON object a line") -> Iterator[tuple[int, Any]]:
    """Yield number (from 1) and value of each line of a JSON Lines file, or of each entry of a JSON list.

    A line that is no JSON has its exception as value; blank lines are skipped. Raises BenchmarkError where
    the file cannot be read.
    """
    if _begins_a_list(path, what):
        try:
            whole = json.loads(read_bytes(path, what).removeprefix(_BOM))
        except (ValueError, RecursionError):
            whole = None  # not a list after all; each line will say what is wrong with it
        if isinstance(whole, list):
            yield from enumerate(whole, 1)
            return
    with _told(path, what), path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            line = line.removeprefix(_BOM) if number == 1 else line
            if line.strip():
                yield number, read_line(line)


def read_line(line: bytes) -> Any:
    """The value of a line of JSON; the exception where it is none."""
    try:
        return json.loads(line.removesuffix(b"\n"))
    except (ValueError, RecursionError) as error:
        return error


def _begins_a_list(path: Path, what: str) -> bool:
    with _told(path, what), path.open("rb") as file:
        start = file.read(len(_BOM)).removeprefix(_BOM)
        while start.isspace() or not start:
            more = file.read(1)
            if not more:
                return False
            start = start.lstrip() + more
        return start.lstrip()[:1] == b"["


def case_at(number: int, row: Any, file: str, need: Collection[str]) -> LabelledCase:
    """The case in one row of a file; with `problem` set where it is bad.

    Args:
        number: the row's line in the file, from 1.
        row: its value, or the exception that says why there is none.
        file: the file's name, for messages.
        need: as of `read_cases_jsonl`.
    """
    place = f"{file}, line {number}"
    problem: str | None = None
    if isinstance(row, UnicodeDecodeError):
        problem = "the line is not UTF-8 text"
    elif isinstance(row, Exception):
        problem = f"the line is not JSON ({row})"
    elif not isinstance(row, dict):
        problem = f"expected a JSON object, found {_kind(row)}"
    fields: Mapping[str, Any] = row if isinstance(row, dict) else {}
    texts: dict[str, str] = {}
    for key in ("question", "evidence", "database", "draft", "gold", "prediction", "difficulty"):
        value = fields.get(key)
        if value is None and key in need:
            problem = problem or f"the field {key!r} is missing; expected text"
        elif value is not None and not isinstance(value, str):
            problem = problem or f"the field {key!r} is {_kind(value)}; expected text"
        texts[key] = value if isinstance(value, str) else ""
    name = fields.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        found = "missing" if name is None else "empty" if name == "" else _kind(name)
        found += " that is not whole" if isinstance(name, float) else ""
        problem = problem or f"the field 'id' is {found}; expected text or a number"
        name = f"line {number}"
    asked = {key: texts.pop(key) for key in ("question", "database", "draft", "evidence")}
    return LabelledCase(
        Case(id=str(name), **asked),
        texts["gold"],
        texts["prediction"],
        texts["difficulty"],
        raw=fields,
        place=place,
        problem=problem,
    )


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return "null" if value is None else names.get(type(value), "a number")
