"""`runs/paper.sh`: it prints what share takes, and goes from data to the table, on after a failure."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from docs import check

ROOT = Path(__file__).parents[2]
VLLM = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
if os.environ.get("TEST_ENDS"):
    sys.exit("no GPU is there")
open("started", "a").write(sys.argv[2] + "\\n")
ANSWERS = json.loads({answers!r})
class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def say(self, told):
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.say({{"data": []}})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = asked["messages"][-1]["content"]
        with open("asked", "a") as file:
            file.write(asked["model"] + " " + prompt.split(":")[0] + "\\n")
        text = ANSWERS[prompt.split(":")[0]]
        message = {{"role": "assistant", "content": text}}
        self.say({{"model": asked["model"], "choices": [
            {{"index": 0, "finish_reason": "stop", "message": message}}]}})
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answers).serve_forever()
"""
FILLED = "res = df.where(element = store.city, filter = 'Bonn').select(store.name)"
ANSWERS = {
    "Bam": "```SR\nres = df.where(element = store.city, filter = 'Bonn').select(store.id)\n```",
    "Mask": "```SR\nres = df.where(element = [MASK], filter = 'Bonn').select([MASK])\n```",
    "Sam": f"```SR\n{FILLED}\n```",
    "Lom": f"```SR\n{FILLED}\n```",
    "Generator": "```sqlite\nSELECT name FROM store WHERE city = 'Bonn'\n```",
}
PROMPTS = """system_prompt = "You know SQL."
sql2sr_user_prompt = "Bam: {schema} {sql}"
mask_schema_user_prompt = "Mask: {sr}"
fill_in_schema_user_prompt = "Sam: {schema} {highlighted_schema} {question} {evidence} {masked_sr}"
sr2sr_user_prompt = "Lom: {schema} {column_description} {question} {evidence} {sr}"
ft_sr_to_sql = "Generator: {schema} {fk_dic} {column_description} {question} {evidence} {sr}"
"""


def dry_run(*arguments: str, **settings: str) -> str:
    environment = {**os.environ, **settings}
    call = ["runs/paper.sh", "--dry-run", *arguments]
    return subprocess.run(
        call, cwd=ROOT, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"PARTS": "dev spider-dev", "GPUS": "4", "VLLM": "--tensor-parallel-size 4"},
        {"CHECKPOINTS": "published", "PROMPTS": "for_infer.py"},
        {"CHECKPOINTS": "recorded:outputs/infer"},
        {"SERVER": "none", "BASE": "smollm2-135m", "TEACHER": "teacher.toml", "GENERATOR": "none"},
    ],
    ids=lambda settings: " ".join(settings),
)
def test_each_printed_command_is_one_that_share_takes(tmp_path: Path, settings: dict[str, str]) -> None:
    before = sorted(ROOT.glob("out/*"))
    printed = dry_run(str(tmp_path / "not made"), **settings)
    lines = [line for line in printed.splitlines() if line.startswith("share ")]
    assert len(lines) >= 4
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    (tmp_path / "Makefile").touch()
    page.write_text("```sh\n" + "\n".join(lines) + "\n```\n")
    assert len(list(check.commands(page.read_text()))) == len(lines)
    assert list(check.check_commands(tmp_path)) == []
    assert not (tmp_path / "not made").exists()
    assert sorted(ROOT.glob("out/*")) == before


def three_ports() -> int:
    """The first of three free ports in a row."""
    for first in range(20011 + os.getpid() % 9973, 60000, 7):
        try:
            for port in range(first, first + 3):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no three free ports in a row")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The working folder: data as data_config.json names it, the reference's prompts in words of our own, and
    programs `share` and `vllm`; the latter answers as the three models and as the generator."""
    database = tmp_path / "dbs" / "shop" / "shop.sqlite"
    database.parent.mkdir(parents=True)
    connection = sqlite3.connect(database)
    connection.executescript(
        "CREATE TABLE store (id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        "INSERT INTO store VALUES (1, 'North', 'Bonn'), (2, 'South', 'Bonn'), (3, 'East', 'Jena');"
    )
    connection.close()
    tables = {
        "db_id": "shop",
        "table_names_original": ["store"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "name"], [0, "city"]],
        "column_types": ["text", "number", "text", "text"],
        "primary_keys": [1],
        "foreign_keys": [],
    }
    question = {
        "db_id": "shop",
        "question": "Which stores are in Bonn?",
        "evidence": "",
        "difficulty": "simple",
    }
    files = {
        "dev.json": [{**question, "SQL": "SELECT name FROM store WHERE city = 'Bonn'"}],
        "tables.json": [tables],
        "meanings.json": {"shop|store|city": "where it stands"},
        "drafts.json": {"0": "SELECT id FROM store WHERE city = 'Bonn'\t----- bird -----\tshop"},
        "data_config.json": {
            "dev_data": "dev.json",
            "dev_tables": "tables.json",
            "dev_db_dir": "dbs",
            "dev_column_meaning": "meanings.json",
            "dev_baseline": "drafts.json",
        },
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "for_infer.py").write_text(PROMPTS)
    programs = {
        "share": f"#!{sys.executable}\nfrom share_sql.cli.main import main\nmain()\n",
        "vllm": VLLM.format(python=sys.executable, answers=json.dumps(ANSWERS)),
    }
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def test_the_published_models_from_data_to_the_table(place: Path) -> None:
    port = three_ports()
    environment = {
        **os.environ,
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(place / "cache"),
        "SHARE": str(place / "bin" / "share"),
        "DATA_CONFIG": "data_config.json",
        "CHECKPOINTS": "published",
        "PROMPTS": "for_infer.py",
        "PORT": str(port),
        "ENGINE_ID": "gpt",
        "OPENAI_API_BASE": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "sk-test",
    }

    def paper(**more: str) -> subprocess.CompletedProcess[str]:
        call = [str(ROOT / "runs" / "paper.sh"), "out"]
        settings = {**environment, **more}
        return subprocess.run(call, cwd=place, env=settings, capture_output=True, text=True, timeout=240)

    done = paper(PROMPTS="gone.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs PROMPTS" in done.stderr

    done = paper(TEST_ENDS="1")
    assert done.returncode != 0
    assert "no GPU is there" in done.stderr
    assert "the step serve-bam failed" in done.stderr.splitlines()[-1]

    done = paper()
    assert done.returncode == 0, done.stderr
    assert "== run-dev-none: done before" in done.stdout
    _, table = done.stdout.split("== table-dev:")
    none, always = table.partition("\ndev-always:")[::2]
    assert "dev-none:" in none
    assert "0 right before, 0 after" in none
    assert "0 right before, 1 after; fixed 1, broken 0" in always
    asked = (place / "asked").read_text().split("\n")
    for line in (
        "birdsql/share-bam Bam",
        "birdsql/share-bam Mask",
        "birdsql/share-sam Sam",
        "birdsql/share-lom Lom",
        "gpt Generator",
    ):
        assert line in asked
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", port)) != 0, "the servers end with the script"

    started = (place / "started").read_text()
    done = paper()
    assert done.returncode == 0, done.stderr
    assert "fixed 1, broken 0" in done.stdout, "the table is printed again"
    assert (place / "started").read_text() == started, "all was done before, so nothing is served"

    done = paper(GENERATOR="none")
    assert done.returncode == 2
    assert "holds a run with other settings" in done.stderr
