"""How fast is the service, and does it stay so? A load test of `share serve --demo` on loopback.

    python runs/service_load.py [PART ...] [--json] [--small]

Each part starts a service of its own, as a process, and asks it from this one, over sockets that asyncio
reads: that takes about a tenth of the processor time of the service's own work. No model is asked, but in
`killed`.

single   one caller, 200 requests: the median that the others are compared with
many     50 callers, 20 requests each, in two ways:
         paced: each begins a request a second, as people and agents do: 50 a second in all. Its times say
         what a caller feels.
         closed loop: each sends the next as soon as the last is answered. It says how much the service can
         do. The ratio to the single median is no measure of it: where 50 wait at all times and N are worked
         on at a time, each waits for 50/N others (Little's law), whatever the service does. It is printed
         all the same.
memory   10,000 requests: what its processes hold in the second thousand and in the last
hang     the paced callers, without and with 10 more who ask a database that never answers
killed   20 callers, 20 requests each, with a model's server for all roles that is killed (SIGKILL) and
         started again, four times
leave    200 callers who hang up at a random moment, a quarter of them while a database hangs

Prints a table; ends with 1 where something is not as it should be. `--small` asks far less and judges no
rates and no ratios: it is for tests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from service_client import Load, Service, many, serving
from service_faults import hang, killed, leave
from service_measures import (
    SMALL,
    Body,
    Expected,
    Row,
    Size,
    bodies,
    body,
    median_of,
    milliseconds,
    of_load,
    quiet,
    right,
    unanswered,
)

MOST_GROWTH = 10.0
"""MB, of means over a thousand requests: the heap breathes by some."""

Part = Callable[[Size, Path], list[Row]]


def single(size: Size, folder: Path) -> list[Row]:
    """One caller."""
    with serving("--demo", folder=folder) as service:
        expected = Expected(service)
        load = median_of(service, size)
        troubles = [*expected.troubles, *expected.troubles_of(load)]
        rows = [
            Row("median", milliseconds(load.quantile(0.5))),
            Row("p95", milliseconds(load.quantile(0.95))),
        ]
        return [*rows, right(troubles, len(load.answers)), quiet(service)]


def many_callers(size: Size, folder: Path) -> list[Row]:
    """Fifty callers, paced and in a closed loop."""
    with serving("--demo", folder=folder) as service:
        expected = Expected(service)
        median = median_of(service, size).quantile(0.5)
        rows = [Row("single median", milliseconds(median))]
        for name, every in (("paced", size.every), ("closed loop", 0.0)):
            before = service.processor_seconds()
            load = asyncio.run(many(service.port, bodies(size.callers, size.requests, name), every=every))
            used = (service.processor_seconds() - before) / len(load.answers)
            rows += of_load(name, load, median, size, ratio_counts=bool(every))
            rows.append(Row(f"{name}: processor time of each", milliseconds(used)))
            rows.append(right([*expected.troubles, *expected.troubles_of(load)], len(load.answers)))
        return [*rows, quiet(service)]


def memory(size: Size, folder: Path) -> list[Row]:
    """Ten thousand requests, no two of one text."""
    step = max(size.memory // 10, 1)
    means: list[float] = []
    troubles: list[str] = []
    with serving("--demo", folder=folder) as service:
        for begin in range(0, size.memory, step):
            asked = [
                [body(at, "memory", f" -- {at}") for at in range(begin + caller, begin + step, 8)]
                for caller in range(8)
            ]
            load, held = asyncio.run(_watched(service, asked))
            troubles += [trouble for each in load.answers if (trouble := unanswered(*each))]
            means.append(sum(held) / len(held))
        _, files, threads = service.held()
        # In the first, processes may begin.
        growth = means[-1] - means[1]
        return [
            Row("MB, by tenth of the requests", " ".join(f"{mean:.1f}" for mean in means)),
            Row(
                f"MB, from the second {step:,} to the last",
                f"{growth:+.1f}",
                f"< {MOST_GROWTH:g}",
                not size.timed or growth < MOST_GROWTH,
            ),
            Row("files, threads at the end", f"{files}, {threads}"),
            right(troubles, size.memory),
            quiet(service),
        ]


async def _watched(service: Service, asked: list[list[Body]]) -> tuple[Load, list[float]]:
    """A closed loop, and what the process held while it went on."""
    loading = asyncio.ensure_future(many(service.port, asked))
    held = [service.held()[0]]
    while not loading.done():
        await asyncio.wait({loading}, timeout=0.1)
        held.append(service.held()[0])
    return await loading, held


def parts() -> Mapping[str, Part]:
    """The parts by name."""
    return {
        "single": single,
        "many": many_callers,
        "memory": memory,
        "hang": hang,
        "killed": killed,
        "leave": leave,
    }


def main() -> int:
    """Measure, print, and say whether all is as it should be."""
    known = parts()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(known)}; all where none is given"
    )
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--small", action="store_true", help="ask far less, judge no times")
    given = parser.parse_args()
    unknown = [name for name in given.parts if name not in known]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(known)}")
    size = SMALL if given.small else Size()
    found: dict[str, list[Row]] = {}
    for name in given.parts or known:
        with tempfile.TemporaryDirectory(prefix="share-load-") as folder:
            found[name] = known[name](size, Path(folder))
        if not given.json:
            for row in found[name]:
                flag = "" if row.good else "  <- not as it should be"
                wanted = f"  ({row.wanted})" if row.wanted else ""
                print(f"{name:8} {row.what:36} {row.found}{wanted}{flag}", flush=True)
    if given.json:
        print(json.dumps({name: [asdict(row) for row in rows] for name, rows in found.items()}, indent=1))
    else:
        busy = " ".join(f"{load:.1f}" for load in os.getloadavg())
        print(f"{os.cpu_count()} cores; the machine's load over 1, 5 and 15 minutes: {busy}")
    return int(not all(row.good for rows in found.values() for row in rows))


if __name__ == "__main__":
    sys.exit(main())
