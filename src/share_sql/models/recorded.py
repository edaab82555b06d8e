"""Answers from a run folder, by role and case: a recorded run replayed without its models.

The folder's files are the reference's, which SHARE's own runs write too:

    original_traj.jsonl      bam         a line a case: {"idx", "prompt", "response"}; a null is no answer
    masked_traj.jsonl        mask
    intermediate_traj.jsonl  sam
    final_traj.jsonl         lom
    final_sql.json           generator   {"idx": "sql<TAB>----- bird -----<TAB>database"}
    prompts_for_generator.jsonl          its prompts alone: {"idx", "prompt"}
    augmented_schema.json    sam         {"idx": ["table.column", ...]}; that list is sam's answer where the
                                         folder lacks another

A case's id is `idx` as text. Files are read when a role is first asked for; of the long ones only each
line's place is kept in memory.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from share_sql.errors import AnswerMissing, AnswerSkipped, RunFolderError
from share_sql.models.base import Answer, ModelReply, ModelRequest
from share_sql.models.prices import FREE
from share_sql.models.roles import ROLES
from share_sql.models.run_files import AUGMENTED, FINAL_SQL, GENERATOR_PROMPTS, STEP_FILES
from share_sql.models.wire import whole
from share_sql.sql.tag import split_tag

_LONGEST_LINE = 64 << 20
"""Bytes; the prompts of the largest schemas take one or two megabytes."""


@dataclass(frozen=True)
class _Line:
    """Where a case's line is."""

    number: int
    start: int
    length: int


class RecordedModel:
    """A run folder as a model for every role it holds answers for."""

    takes_grammar = False
    price = FREE
    samples = 1
    calibrated = False
    prompts: str | None = None

    def __init__(self, folder: str | Path, match_prompts: bool = False) -> None:
        """`match_prompts`: answer only where the prompt, if the folder holds it, is the same text.

        Raises RunFolderError where the folder is missing or holds none of the files.
        """
        self.folder = Path(folder)
        self.name = f"recorded:{self.folder.name}"
        self._match = match_prompts
        self._lock = threading.Lock()
        self._lines: dict[str, dict[str, _Line]] = {}
        self._tables: dict[str, Mapping[str, Any]] = {}
        if not os.path.isdir(self.folder):  # a name that no folder can have is no folder
            raise RunFolderError(f"{self.folder} is not a folder; give a run's folder")
        if not self.roles:
            names = ", ".join((*STEP_FILES.values(), FINAL_SQL, AUGMENTED))
            raise RunFolderError(f"{self.folder} is not a run's folder: it holds none of {names}")

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the folder has files for, in the order of the stages."""
        found = [role for role, file in STEP_FILES.items() if os.path.isfile(self.folder / file)]
        if "sam" not in found and os.path.isfile(self.folder / AUGMENTED):
            found.append("sam")
        if os.path.isfile(self.folder / FINAL_SQL):
            found.append("generator")
        return tuple(role for role in ROLES if role in found)

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The recorded answer. Raises AnswerMissing, and RunFolderError where a file cannot be read."""
        if self._match:
            recorded = self.prompt(request.role, request.case_id)
            asked = "\n\n".join(message.content for message in request.messages)
            if recorded is not None and recorded != asked:
                raise AnswerMissing(
                    f"{self._what(request)} was recorded for another prompt; "
                    "set the prompts it was recorded with, or do without matching prompts"
                )
        return self._reply(request)

    async def close(self) -> None:
        """Nothing to give back: files are closed after each answer."""

    def prompt(self, role: str, case_id: str) -> str | None:
        """The prompt that was recorded for a role and case; None where the folder holds none."""
        file = GENERATOR_PROMPTS if role == "generator" else STEP_FILES.get(role)
        record = self._record(file, case_id) if file else None
        # A stage that asked no model leaves an empty prompt.
        return None if record is None else record.get("prompt") or None

    def __repr__(self) -> str:
        return f"RecordedModel({str(self.folder)!r})"

    # -- answers -------------------------------------------------------------------------------------

    def _reply(self, request: ModelRequest) -> ModelReply:
        role, case = request.role, request.case_id
        if role == "generator":
            sql = self._table(FINAL_SQL).get(case)
            if sql is None:
                raise AnswerMissing(f"{self._what(request)} is not in {FINAL_SQL}")
            if not isinstance(sql, str):
                raise RunFolderError(f"{self.folder / FINAL_SQL}: the value of {case!r} is not text")
            return self._said(split_tag(sql)[0])
        file = STEP_FILES.get(role)
        record = self._record(file, case) if file else None
        if record is not None and isinstance(record.get("response"), str):
            return self._said(record["response"])
        if role == "sam":
            columns = self._table(AUGMENTED).get(case)
            if columns is not None:
                if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
                    raise RunFolderError(
                        f"{self.folder / AUGMENTED}: the value of {case!r} is no list of names"
                    )
                return self._said(json.dumps(columns))
        if record is not None and record.get("response") is None:
            raise AnswerSkipped(f"{self._what(request)} was not there when it was recorded")
        raise AnswerMissing(f"{self._what(request)} is not there; run this role with a model")

    def _said(self, text: str) -> ModelReply:
        return ModelReply((Answer(whole(text)),), model=self.name)

    def _what(self, request: ModelRequest) -> str:
        return f"{self.folder}: {request.role}'s answer for case {request.case_id}"

    # -- files ---------------------------------------------------------------------------------------

    def _record(self, file: str, case: str) -> dict[str, Any] | None:
        path = self.folder / file
        with self._lock:
            if file not in self._lines:
                self._lines[file] = _index(path)
            line = self._lines[file].get(case)
        if line is None:
            return None
        try:
            with path.open("rb") as source:
                source.seek(line.start)
                return _parse(path, line.number, source.read(line.length))
        except OSError as error:
            raise _unreadable(path, error) from None

    def _table(self, file: str) -> Mapping[str, Any]:
        path = self.folder / file
        with self._lock:
            if file not in self._tables:
                self._tables[file] = _table(path)
            return self._tables[file]


def _index(path: Path) -> dict[str, _Line]:
    """Each case's line in a file; empty where the file is missing."""
    found: dict[str, _Line] = {}
    try:
        with path.open("rb") as source:
            start = 0
            for number, raw in enumerate(iter(partial(source.readline, _LONGEST_LINE), b""), 1):
                if len(raw) == _LONGEST_LINE:
                    raise RunFolderError(
                        f"{path}:{number}: a line of over {_LONGEST_LINE >> 20} MB; remove it"
                    )
                if raw.strip():
                    case = str(_parse(path, number, raw)["idx"])
                    if case in found:
                        raise RunFolderError(
                            f"{path}:{number}: case {case} is there already, in line {found[case].number}"
                        )
                    found[case] = _Line(number, start, len(raw))
                start += len(raw)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from None
    return found


def _parse(path: Path, number: int, raw: bytes) -> dict[str, Any]:
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8, or nested too deeply"
        raise RunFolderError(f"{path}:{number}: not a line of JSON ({reason}); mend or remove it") from None
    if not isinstance(record, dict):
        raise RunFolderError(f"{path}:{number}: not a JSON object; mend or remove it")
    if isinstance(record.get("idx"), bool) or not isinstance(record.get("idx"), int | str):
        raise RunFolderError(f"{path}:{number}: has no `idx`; mend or remove it")
    for key in ("prompt", "response"):
        if not isinstance(record.get(key), str | None):
            raise RunFolderError(f"{path}:{number}: `{key}` is not text; mend or remove it")
    return record


def _table(path: Path) -> Mapping[str, Any]:
    """A JSON object by case; empty where the file is missing."""
    try:
        table = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from None
    except json.JSONDecodeError as error:
        raise RunFolderError(f"{path}:{error.lineno}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError):
        raise RunFolderError(f"{path}: not JSON in UTF-8") from None
    if not isinstance(table, dict):
        raise RunFolderError(f"{path}: not a JSON object of cases")
    return table


def _unreadable(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(f"{path} cannot be read: {error.strerror or error}")
