"""Code in a process of its own, stopped when it takes too much: what is broken must not hang the tests."""

from __future__ import annotations

import resource
import subprocess
import sys
import textwrap


def limited(code: str, *, seconds: int = 20, megabytes: int = 2_000) -> str:
    """Run Python code; fails where it fails, dies, or takes more processor time or memory.

    Args:
        code: the program; its indentation does not count.
        seconds: processor time that it may take.
        megabytes: memory that it may ask for.

    Returns:
        What it printed.
    """

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    ran = subprocess.run(
        [sys.executable, "-"],
        input=textwrap.dedent(code),
        capture_output=True,
        text=True,
        preexec_fn=limits,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, f"ended with {ran.returncode}: {ran.stderr[-2_000:]}"
    return ran.stdout
