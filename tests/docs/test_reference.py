"""docs/reference.md and CITATION.cff say what holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import share_sql
from share_sql.models.load import load_models

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def test_its_models_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENGINE_ID", "gpt-4o")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "published.toml"
    file.write_text(block)
    models = load_models(str(file))
    assert {role: model.name for role, model in models.items()} == {
        "bam": "birdsql/share-bam@http://127.0.0.1:8000/v1",
        "mask": "birdsql/share-bam@http://127.0.0.1:8000/v1",
        "sam": "birdsql/share-sam@http://127.0.0.1:8001/v1",
        "lom": "model/lom@http://127.0.0.1:8002/v1",
        "generator": "gpt-4o@http://127.0.0.1:9/v1",
    }


def test_its_parts_and_keys_are_those_that_are_read() -> None:
    from share_sql.benchmarks.data_config import PARTS

    rows = dict(re.findall(r"^\| `([a-z-]+)`.*? \| (`\w+_data`.*?) \|", PAGE, re.MULTILINE))
    assert rows.keys() == PARTS.keys()
    optional = {"dev_baseline", "spider_dev_baseline", "spider_train_baseline"}
    for part, (_, keys) in PARTS.items():
        assert set(re.findall(r"`(\w+)`", rows[part])) == set(keys.values()) - optional


def test_the_citation() -> None:
    cff: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # What Citation File Format 1.2.0 requires of a file, and of a reference.
    assert cff["cff-version"] == "1.2.0"
    assert cff.keys() >= {"message", "title", "authors"}
    paper = cff["preferred-citation"]
    assert paper.keys() >= {"type", "title", "authors"}
    for author in [*cff["authors"], *paper["authors"]]:
        assert author.keys() in ({"name"}, {"family-names", "given-names"})
        assert all(isinstance(name, str) and name for name in author.values())
    assert (cff["title"], cff["license"]) == (project["name"], project["license"])
    assert cff["version"] == share_sql.__version__ == project["version"]
    assert paper["type"] == "conference-paper"
    # The page cites the same.
    names = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in paper["authors"])
    assert f'author = "{names}"' in PAGE
    assert f'doi = "{paper["doi"]}"' in PAGE
    assert f'pages = "{paper["start"]}--{paper["end"]}"' in PAGE
    assert paper["url"] in PAGE
