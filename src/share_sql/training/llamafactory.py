"""Data files as LLaMA-Factory reads them: `<name>.json` of examples, and `dataset_info.json`.

The layout is the reference implementation's (quge2023/SHARE, src/utils.py): alpaca format, with the columns
prompt=instruction, response=output, system=system. Examples carry further keys that say where they come
from: LLaMA-Factory's alpaca converter reads the named columns alone, and `align_dataset` drops all columns
of the file after it (hiyouga/LLaMA-Factory, src/llamafactory/data/converter.py, `remove_columns`). All of
them are text, since a JSON file's columns must be of one type each.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from share_sql.errors import BenchmarkError, RunFolderError
from share_sql.training.asking import write_lines, write_whole
from share_sql.training.examples import Dataset, Example

INFO = "dataset_info.json"
COLUMNS = {"prompt": "instruction", "response": "output", "system": "system"}


def data_name(role: str) -> str:
    """The dataset's name, which is also its file's."""
    return f"{role}_train_data"


def save(dataset: Dataset, folder: Path) -> Path:
    """Write a dataset, replacing an earlier one for the same model.

    Args:
        dataset: examples and left-out cases.
        folder: gets `<role>_train_data.json`, `<role>_left_out.jsonl`, and an entry in dataset_info.json.

    Returns:
        The examples' file.

    Raises:
        RunFolderError: the folder cannot be written, or its dataset_info.json is no JSON object.
    """
    name = data_name(dataset.role)
    path = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        info = _info(folder / INFO)
        info[name] = {"file_name": path.name, "columns": COLUMNS}
        write_whole(path, json.dumps([_row(example) for example in dataset.examples], indent=4) + "\n")
        write_lines(folder / f"{dataset.role}_left_out.jsonl", [asdict(each) for each in dataset.left_out])
        write_whole(folder / INFO, json.dumps(info, indent=4) + "\n")
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be written: {error.strerror}") from error
    return path


def load(folder: Path, role: str) -> list[dict[str, str]] | None:
    """The examples that were saved for a model; None where there are none.

    Raises BenchmarkError where the file cannot be read.
    """
    path = folder / f"{data_name(role)}.json"
    if not path.exists():
        return None
    try:
        rows: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path} cannot be read: {error}") from error
    return rows


def _row(example: Example) -> dict[str, str]:
    row = asdict(example)
    row["errors"] = "; ".join(example.errors)
    first = ("instruction", "output", "system")
    return {key: str(row[key]) for key in (*first, *(key for key in row if key not in first))}


def _info(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(f"{path} is not JSON ({error}); mend or delete it") from error
    if not isinstance(info, dict):
        raise RunFolderError(f"{path} is no JSON object; mend or delete it")
    return info
