"""sqlglot's dialects: whole, and quiet."""

from __future__ import annotations

import subprocess
import sys


def test_warnings_of_sqlglot_do_not_reach_the_terminal() -> None:
    code = (
        "from share_sql.errors import SqlNotSelect\n"
        "from share_sql.sql.text import parse_select as p\n"
        "from share_sql.sql.written import plain_sql, write_sql\n"
        "try:\n    p('SET x = y; SELECT 1', 'mysql')\nexcept SqlNotSelect: pass\n"
        "write_sql(p('SELECT a[1] FROM t TABLESAMPLE (5) FOR UPDATE', 'postgres'), 'sqlite')\n"
        "write_sql(p('SELECT TRUNC(a, 2) FROM t', 'oracle'), 'sqlite')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_threads_that_read_while_the_dialect_is_loaded_read_with_the_whole_of_it() -> None:
    """sqlglot registers a dialect's class before it is whole; made slow here, so that threads meet it so."""
    script = """
import threading, time
from sqlglot.dialects import dialect

whole = dialect.new_trie
dialect.new_trie = lambda *args: (time.sleep(0.05), whole(*args))[1]

from share_sql.sql.text import parse_select

start, failed = threading.Barrier(60), []

def read(number):
    start.wait()
    time.sleep(0.01 * number)
    try:
        parse_select("SELECT `a b` FROM `c d`", "sqlite")
    except Exception as error:
        failed.append(error)

threads = [threading.Thread(target=read, args=(number,)) for number in range(60)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(failed), *failed[:1])
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert found.stdout.strip() == "0", found.stdout + found.stderr
