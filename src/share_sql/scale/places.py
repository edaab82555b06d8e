"""Files wherever they lie: a path, `s3://…`, `gs://…`, `abfs://…`, `hdfs://…`, or what fsspec knows."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.database.address import shown
from share_sql.errors import BenchmarkError, RunFolderError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_RENAMES = frozenset({"local", "hdfs"})
"""Filesystems on which a file is there while it is written, and is renamed; elsewhere it appears whole."""


@dataclass(frozen=True)
class Place:
    """A file or folder on one of the filesystems."""

    filesystem: FileSystem
    path: str
    """As the filesystem has it."""

    def __truediv__(self, name: str) -> Place:
        return Place(self.filesystem, f"{self.path.rstrip('/')}/{name}")

    def write(self, content: bytes) -> None:
        """Have the file hold this: it is there whole, or not at all. Raises RunFolderError."""
        renames = self.filesystem.type_name in _RENAMES
        folder, _, name = self.path.rpartition("/")
        # Two workers may write one file, where one of them was taken for dead.
        path = f"{folder}/.{name}.{secrets.token_hex(4)}" if renames else self.path
        try:
            with self.filesystem.open_output_stream(path) as file:
                file.write(content)
            if renames:
                self.filesystem.move(path, self.path)
        except OSError as error:
            raise RunFolderError(
                f"{self.path} cannot be written ({_why(error)}); mend that and go on with --resume"
            ) from error

    def read(self) -> bytes | None:
        """The file's bytes; None where there is none. Raises RunFolderError."""
        try:
            with self.filesystem.open_input_stream(self.path) as file:
                found: bytes = file.read()
                return found
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RunFolderError(
                f"{self.path} cannot be read ({_why(error)}); mend that and go on with --resume"
            ) from error

    def make_folder(self) -> None:
        """Make the folder where it is missing. Raises RunFolderError."""
        try:
            self.filesystem.create_dir(self.path, recursive=True)
        except OSError as error:
            raise RunFolderError(f"the folder {self.path} cannot be made: {_why(error)}") from error

    def names(self) -> list[str]:
        """Names of the folder's files; none where there is no folder. Raises RunFolderError."""
        from pyarrow.fs import FileSelector, FileType

        try:
            found = self.filesystem.get_file_info(FileSelector(self.path, allow_not_found=True))
        except OSError as error:
            raise RunFolderError(f"the folder {self.path} cannot be read: {_why(error)}") from error
        return sorted(each.base_name for each in found if each.type == FileType.File)

    def remove(self) -> None:
        """Remove the file, if it is there. Raises RunFolderError."""
        try:
            self.filesystem.delete_file(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise RunFolderError(f"{self.path} cannot be removed: {_why(error)}") from error


def is_remote(where: str | Path) -> bool:
    """Whether a text is a URL, and no path on this machine."""
    return isinstance(where, str) and _URL.match(where) is not None and not where.startswith("file://")


def place_at(where: str) -> Place:
    """The place that a path or URL names. Raises BenchmarkError where no filesystem is known for it."""
    from pyarrow.fs import FileSystem, FSSpecHandler, LocalFileSystem, PyFileSystem
    from pyarrow.lib import ArrowException

    scheme = _URL.match(where)
    if scheme is None:
        return Place(LocalFileSystem(), os.path.abspath(where))
    try:
        return Place(*FileSystem.from_uri(where))
    except (ArrowException, OSError, ValueError) as error:
        why = _why(error)
    try:
        import fsspec

        filesystem, path = fsspec.core.url_to_fs(where)
    except (ImportError, ValueError) as error:
        raise BenchmarkError(
            f"{shown(where)} lies on no filesystem that is known here ({_why(error) or why}); "
            "give a path, or install what fsspec asks for"
        ) from error
    return Place(PyFileSystem(FSSpecHandler(filesystem)), path)


def _why(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split())[:300]
