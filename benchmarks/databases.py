"""Cases a second without models, by database: one after another, and many under way at once.

    python runs/speed_databases.py --questions FILE --drafts FILE [--concurrency 8] [--times 3] DATABASES …

DATABASES: what `share run --databases` takes, a folder or a URL with `{name}`; several are measured in turns.
The drafts are corrected once before, so that schemas and value indexes are there. Prints the best of the
times: cases a second, and milliseconds of this process's own processor time a case.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.benchmarks.places import read_places
from share_sql.catalog import Catalog
from share_sql.database.address import dialect_at, shown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("databases", nargs="+")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--drafts", type=Path, required=True)
    parser.add_argument("--benchmark", default="bird")
    parser.add_argument("--concurrency", type=int, default=8)
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    print(f"{'':12} {'one at a time':>22} {f'{given.concurrency} at once':>22}")
    for databases in given.databases:
        places = read_places(databases)
        loaded = load(BenchmarkFiles(given.benchmark, given.questions, places, drafts=given.drafts))
        cases = [each.case for each in loaded.cases if not each.problem]
        told = []
        for concurrency in (1, given.concurrency):
            catalog = Catalog()
            loaded.register(catalog)
            with Assistant(catalog=catalog, concurrency=concurrency) as assistant:
                found = list(assistant.correct_many(cases))
                if lost := [each for each in found if each.failures or "could not" in each.reason]:
                    print(f"{len(lost)} of {len(cases)} failed: {lost[0].reason[:200]}")
                best = min(_timed(assistant, cases) for _ in range(given.times))
            told.append(f"{len(cases) / best[0]:6.1f} a s, {1000 * best[1] / len(cases):5.1f} ms")
        title = dialect_at(str(next(iter(loaded.databases.values())).where)).title
        print(f"{title:12} {told[0]:>22} {told[1]:>22}  {shown(databases)}", flush=True)


def _timed(assistant: Assistant, cases: list) -> tuple[float, float]:
    """Seconds by the clock and of this process's processor time."""
    began, spent = time.perf_counter(), time.process_time()
    for _ in assistant.correct_many(cases):
        pass
    return time.perf_counter() - began, time.process_time() - spent


if __name__ == "__main__":
    main()
