"""Requests that schemathesis makes of the service's own OpenAPI document, against `share serve --demo`.

    python runs/service_fuzz.py                 # 5,000 requests and more, on this machine alone
    python runs/service_fuzz.py --examples 30   # fewer, for each operation

None may be answered with a status of 5xx, and each answer must be as the document says: status, media type,
headers, members. A request that breaks the document must be refused. Prints requests by route and status, as
the service's own figures have them, and ends with 1 where an answer was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = 700
"""Requests made at random for each operation; the document's corners come beside them."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "allow_header_conformance",
)
_REFUSALS = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 413, 414, 415, 421, 422, 429]
"""
"""How what breaks the document may be refused: by its size too, which schemathesis does not expect."""
_MAIN = "from share_sql.cli.main import main; main()"


@contextmanager
def service() -> Iterator[str]:
    """The demo's service as a process of its own; its URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, "serve", "--demo", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def fuzz(url: str, examples: int, seed: int = 1, phases: str = "coverage,fuzzing") -> tuple[bool, str]:
    """Send requests to a service.

    Args:
        url: where it is.
        examples: requests at random for each operation.
        seed: of chance.
        phases: schemathesis' names: `coverage` goes through the document's corners, `fuzzing` is random.

    Returns:
        Whether all answers were right, and schemathesis' report.
    """
    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory(prefix="share-fuzz-") as folder:
        Path(folder, "schemathesis.toml").write_text(_REFUSALS, encoding="utf-8")
        path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json",
                "--phases", phases, "--checks", ",".join(CHECKS),
                "--max-examples", str(examples), "--seed", str(seed), "--no-shrink",
                "--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "60",
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "SCHEMATHESIS_HOOKS": "runs.service_fuzz_hooks"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
    return done.returncode == 0, done.stdout


def counted(url: str) -> dict[tuple[str, str], int]:
    """Requests that the service has answered, by route and status."""
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    found: dict[tuple[str, str], int] = {}
    for route, status, count in re.findall(
        r'^share_requests_total\{[^}]*route="([^"]*)",status="([^"]*)"\} (\S+)', text, re.M
    ):
        found[route, status] = found.get((route, status), 0) + int(float(count))
    return found


def main() -> int:
    """Run, and print counts."""
    parser = argparse.ArgumentParser(description="Fuzz the service by its OpenAPI document.")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with service() as url:
        fine, report = fuzz(url, asked.examples, asked.seed)
        counts = counted(url)
    if not fine:
        print(report)
    made = re.search(r"([\d,]+) generated", report)
    for route in sorted({route for route, _ in counts}):
        by_status = ", ".join(
            f"{status}: {n:,}" for (each, status), n in sorted(counts.items()) if each == route
        )
        print(f"{route:<30} {by_status}")
    total = sum(counts.values())
    wrong = sum(count for (_, status), count in counts.items() if status.startswith("5"))
    print(f"{made[1] if made else '?'} requests made, {total:,} reached a route, {wrong} answered with 5xx")
    return 0 if fine and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
