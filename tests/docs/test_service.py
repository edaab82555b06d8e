"""docs/service.md: each of its calls does what it shows, against a server of the demo's."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path

import httpx2
import pytest
from tests.serve.conftest import serving, shop_desk

from share_sql.demo.cases import write_cases
from share_sql.serve.app import create_app

PAGE = Path(__file__).parents[2] / "docs" / "service.md"
HERE = "http://127.0.0.1:8400"


def calls() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    lines = "".join(blocks).replace("\\\n", "").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("curl ")]


def test_each_call_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_cases(Path("cases.jsonl"), "shop")
    found = calls()
    assert len(found) >= 7
    with shop_desk(tmp_path) as desk, serving(create_app(desk)) as url:
        for words in found:
            (target,) = (word for word in words if word.startswith(HERE))
            options = dict(itertools.pairwise(words))
            headers = [options["-H"].split(": ")] if "-H" in options else []
            body = options.get("-d") or options.get("--data-binary", "")
            content = Path(body[1:]).read_bytes() if body.startswith("@") else body.encode()
            answer = httpx2.request(
                "POST" if body else "GET",
                target.replace(HERE, url),
                content=content,
                headers=dict(map(tuple, headers)),
                timeout=60,
            )
            assert answer.status_code == 200, words
            if "batch" in target:
                rows = [json.loads(line) for line in answer.text.splitlines()]
                # The demo's file says of each draft which error it has: a member that the service refuses.
                assert len(rows) == len(content.splitlines())
