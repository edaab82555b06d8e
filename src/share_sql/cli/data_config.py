"""`--data-config`: the reference's file of paths in place of a benchmark's own options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from share_sql.benchmarks.data_config import PARTS
from share_sql.cli.common import FILE, options, refuse

if TYPE_CHECKING:
    from share_sql.benchmarks.files import BenchmarkFiles

_NAMED = ("benchmark", "questions", "tables", "databases", "meanings")
"""Parameters of the options that the file stands for."""
_Function = TypeVar("_Function", bound=Callable[..., Any])


def data_config_options(default_part: str | None) -> Callable[[_Function], _Function]:
    """`--data-config` and `--part`.

    Args:
        default_part: the part where none is named; None where the call has to name one.
    """
    return options(
        click.option(
            "--data-config",
            type=FILE,
            help="The reference's data_config.json, in place of the benchmark's name and files.",
        ),
        click.option(
            "--part",
            type=click.Choice(list(PARTS)),
            default=default_part,
            show_default=default_part is not None,
            help="Which part of the data config.",
        ),
    )


def check_data_config(data_config: Path | None) -> None:
    """Refuse options that would do nothing: `--part` without a data config, and beside one what it names.

    Raises click.UsageError.
    """
    if data_config is None:
        refuse("belongs to --data-config.", "part")
    else:
        refuse("is what --data-config names; leave it out.", *_NAMED)


def configured_files(
    path: Path, part: str | None, drafts: Path | None = None, *, needs_drafts: bool = False
) -> BenchmarkFiles:
    """The files of one part of a data_config.json.

    Args:
        path: the file; paths in it are relative to the working folder, as in the reference.
        part: one of PARTS.
        drafts: those that the call names, which win.
        needs_drafts: refuse a part without drafts.

    Raises:
        BenchmarkError: the file is missing, or lacks a key of the part.
        click.UsageError: no part is named, or there are no drafts where they are needed.
    """
    from share_sql.benchmarks.data_config import read_data_config

    if part is None:
        raise click.UsageError(f"--data-config needs --part: one of {', '.join(PARTS)}.")
    files = read_data_config(path, part)
    files = replace(files, drafts=drafts or files.drafts)
    if needs_drafts and files.drafts is None:
        raise click.UsageError(f"{path} names no drafts for the part {part}; give --drafts.")
    return files
