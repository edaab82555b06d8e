"""A file that appears whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from share_sql.whole_file import put_in_place, whole_file

WRITER = """
import sys
from pathlib import Path
from share_sql.whole_file import whole_file

with whole_file(Path(sys.argv[1]), "mine-") as begun:
    begun.write_text("half")
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_it_is_moved_or_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with whole_file(folder, "mine-") as begun:
        begun.write_text("whole")
        put_in_place(begun, folder / "done")

    def stopped() -> None:
        with whole_file(folder, "mine-") as begun:
            begun.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("done", "whole")]


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    call = [sys.executable, "-c", WRITER, str(tmp_path)]
    killed, working = (
        subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    try:
        for writer in (killed, working):
            assert writer.stdout is not None
            assert writer.stdout.readline() == "begun\n"
        killed.kill()
        killed.wait()
        (tmp_path / "tmpother.tmp").write_text("another program's")
        (tmp_path / "mine-folder.tmp").mkdir()
        assert len(list(tmp_path.iterdir())) == 4
        with whole_file(tmp_path, "mine-"), whole_file(tmp_path, "mine-") as begun:
            begun.write_text("two in one process")
            names = {path.name for path in tmp_path.iterdir()}
            assert len(names) == 5, "two here, one there, and what is another's"
        assert len(list(tmp_path.iterdir())) == 3
        assert working.poll() is None
    finally:
        for writer in (killed, working):
            writer.kill()
            writer.communicate()
