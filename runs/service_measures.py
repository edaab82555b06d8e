"""What the parts of `service_load.py` share: what is asked, whether answers are right, lines of the table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service_client import Answer, Load, Service, many

from share_sql.demo.cases import load_cases

MOST_RATIO = 10.0
LEAST_RATE = 40.0
CASES = tuple(case.case() for case in load_cases())
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is asked."""

    single: int = 200
    callers: int = 50
    requests: int = 20
    memory: int = 10_000
    every: float = 1.0
    """Seconds between two requests of a paced caller."""
    hanging: int = 10
    model_callers: int = 20
    outages: tuple[float, ...] = (0.5, 1.5, 8.0, 1.0)
    """Seconds that the model's server is away, time after time."""
    leaving: int = 200
    timed: bool = True
    """Whether times are judged."""


SMALL = Size(60, 10, 6, 300, 0.2, 20, 6, (0.3, 7.0), 40, timed=False)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    found: str
    wanted: str = ""
    good: bool = True


# -- what is asked -------------------------------------------------------------------------------------------


def body(at: int, tag: str, text: str = "") -> Body:
    """The demo's drafts in turn."""
    case = CASES[at % len(CASES)]
    asked = {"question": case.question, "evidence": case.evidence, "draft": case.draft + text}
    return {"id": f"{case.id} {tag}-{at}", "database": "shop", **asked}


def bodies(callers: int, requests: int, tag: str = "") -> list[list[Body]]:
    """Each caller's requests; all begin with another draft."""
    return [[body(7 * caller + at, f"{tag}{caller}") for at in range(requests)] for caller in range(callers)]


class Expected:
    """What each draft's answer is, from one caller who asks for one after another; asking warms up, too."""

    def __init__(self, service: Service) -> None:
        asked = [body(at, "first") for at in range(len(CASES))]
        load = asyncio.run(many(service.port, [asked]))
        self.troubles = [trouble for each in load.answers if (trouble := unanswered(*each))]
        self._found = {asked["draft"]: _made(answer) for asked, answer in load.answers}

    def troubles_of(self, load: Load) -> list[str]:
        """What is wrong with answers; empty where all are right."""
        found = []
        for asked, answer in load.answers:
            trouble = unanswered(asked, answer)
            if not trouble and _made(answer) != self._found[asked["draft"]]:
                trouble = f"{asked['id']}: {_made(answer)}, not {self._found[asked['draft']]}"
            found += [trouble] if trouble else []
        return found


def _made(answer: Answer) -> tuple[object, ...] | None:
    return (answer.body["verdict"], answer.body["sql"]) if answer.status == 200 else None


def unanswered(asked: Body, answer: Answer) -> str:
    """Why an answer is not that of a request; empty where it is."""
    if answer.status != 200:
        return f"{asked['id']}: {answer.status} {str(answer.body)[:300]}"
    if (answer.body["id"], answer.body["draft"]) != (asked["id"], asked["draft"]):
        return f"{asked['id']}: the answer is that of {answer.body['id']}"
    return ""


def right(troubles: Sequence[str], count: int) -> Row:
    """A line that says how many answers are right."""
    said = "; ".join(troubles[:3])
    return Row("right answers", f"{count - len(troubles)} of {count} {said}".strip(), "all", not troubles)


def quiet(service: Service) -> Row:
    """A line that says what the service logged."""
    return Row(
        "lines in its log", f"{len(service.log)} {service.log[:2] or ''}".strip(), "0", not service.log
    )


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def median_of(service: Service, size: Size) -> Load:
    return asyncio.run(many(service.port, [[body(at, "single") for at in range(size.single)]]))


def of_load(name: str, load: Load, median: float, size: Size, ratio_counts: bool) -> list[Row]:
    """Lines that say what a load saw."""
    ratio = load.quantile(0.95) / median
    times = ", ".join(f"p{100 * share:g} {milliseconds(load.quantile(share))}" for share in (0.5, 0.95, 0.99))
    return [
        Row(f"{name}: times", times),
        Row(
            f"{name}: p95 / single median",
            f"{ratio:.1f}",
            f"< {MOST_RATIO:g}" if ratio_counts else "no measure: Little's law",
            not (ratio_counts and size.timed) or ratio < MOST_RATIO,
        ),
        Row(
            f"{name}: corrections a second",
            f"{load.rate:.1f}",
            f">= {LEAST_RATE:g}",
            not size.timed or load.rate >= LEAST_RATE,
        ),
        *(
            [Row(f"{name}: requests begun late", f"{load.late} of {len(load.answers)}")]
            if ratio_counts
            else []
        ),
    ]
