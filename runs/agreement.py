"""What the drafter's answers are worth: fit the confidence and the answers' model, each tried on databases
left out.

    python runs/agreement.py [DATA] [OUT] [--every N] [--answers FILE [--samples N]] [--second FILE] [--write]

DATA is laid out as docs/results.md says (default: $SHARE_DATA, else ../shared/data). Every set of published
drafts of Spider dev and BIRD dev is corrected with the shipped drafter and the second drafter alone; neither
has learnt from these databases here. Their answers are kept in OUT (default out/agreement), so that another
call takes minutes. Printed are the figures for docs/results.md: each database is judged by models that did
not see it, nor some of the generators. --answers takes the drafter's answers from a file that `small.fetched
answers` wrote, for machines on which it is slow: a line a question, `source` (spider-dev, bird-dev), `id`
and `answers`, the greedy one first; --second the same of the second drafter, for the questions that it is
asked about. --write puts the models, fitted on all, into the shipped weights.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from share_sql.assistant import Assistant
from share_sql.benchmarks.files import BenchmarkFiles, load
from share_sql.calibration.agreed import (
    LEAST_BOUND,
    AgreedData,
    Asked,
    collect_agreed,
    fit_agreed,
    fit_opinion,
    lower_bound,
    tried,
)
from share_sql.calibration.label import Labeller
from share_sql.catalog import Catalog
from share_sql.errors import AnswerMissing
from share_sql.evaluation.assurance import calibration_error, reliability
from share_sql.judgement.agreed import AGREED
from share_sql.judgement.logistic import Logistic
from share_sql.judgement.weights import SHIPPED, UNFITTED, load_weights
from share_sql.models.base import Answer, Model, ModelReply, ModelRequest
from share_sql.models.cache import CachedModel
from share_sql.models.load import load_models, not_pulled
from share_sql.prompts.library import BRIEF_SET, DEFAULT_SET


def sets(data: Path, out: Path) -> Iterator[tuple[str, BenchmarkFiles]]:
    """Name and files of each set of drafts."""
    spider, bird = data / "spider", data / "bird" / "dev"
    for drafts in sorted((spider / "drafts").glob("*.json")):
        yield (
            f"spider-{drafts.stem}",
            BenchmarkFiles(
                "spider", spider / "dev.json", spider / "database", spider / "tables.json",
                spider / "column_meaning.json", drafts,
            ),
        )  # fmt: skip
    here = {path.name for path in (bird / "dev_databases").iterdir()}
    questions = out / "bird_dev.json"
    rows = json.loads((bird / "dev.json").read_text(encoding="utf-8"))
    questions.write_text(json.dumps([row for row in rows if row["db_id"] in here]), encoding="utf-8")
    for drafts in sorted((bird / "drafts").glob("*.json")):
        yield (
            f"bird-{drafts.stem}",
            BenchmarkFiles(
                "bird", questions, bird / "dev_databases", bird / "dev_tables.json",
                bird / "column_meaning.json", drafts,
            ),
        )  # fmt: skip


class Given:
    """A drafter whose answers are in a file."""

    name, calibrated, takes_grammar = "given", True, False

    def __init__(self, path: Path, benchmark: str, samples: int, prompts: str = BRIEF_SET) -> None:
        self.samples = samples
        self.prompts: str | None = prompts
        lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        self._texts = {row["id"]: row["answers"] for row in lines if row["source"] == f"{benchmark}-dev"}

    async def ask(self, request: ModelRequest) -> ModelReply:
        """The greedy answer, or those drawn after it."""
        texts = self._texts.get(request.case_id)
        if texts is None:
            raise AnswerMissing(f"there is no answer to question {request.case_id}")
        chosen = texts[1 : 1 + request.samples] if request.temperature else texts[:1]
        return ModelReply(tuple(map(Answer, chosen)), model=self.name)

    async def close(self) -> None:
        """Nothing is open."""


def drafters(
    out: Path, answers: Path | None, second: Path | None, benchmark: str, samples: int
) -> dict[str, Model]:
    """Both drafters: those that are shipped, behind a cache, or some whose answers are given."""
    models: dict[str, Model] = {}
    if answers is not None:
        models["drafter"] = Given(answers, benchmark, samples)
    if second is not None:
        models["second_drafter"] = Given(second, benchmark, 1, DEFAULT_SET)
    wanted = [role for role in ("drafter", "second_drafter") if role not in models]
    shipped = load_models("embedded") if wanted else {}
    for role in wanted:
        if role not in shipped:
            sys.exit(f"the base of {role} is not here: `share models pull {not_pulled()[role]}`")
        models[role] = CachedModel(shipped[role], out / "answers.sqlite")
    return models


def collect(
    name: str, files: BenchmarkFiles, models: dict[str, Model], every: int, data: AgreedData
) -> Counter[str]:
    """Correct one set and label what came of it; prints and returns the figures of the set."""
    loaded = load(files)
    loaded = replace(loaded, cases=loaded.cases[::every])
    catalog = Catalog()
    loaded.register(catalog)
    # A model that lets every answer act, so that the second drafter is asked about all that may.
    weights = replace(load_weights(), agreed=Logistic(dict.fromkeys(AGREED, 0.0), 0.4))
    with Assistant(
        catalog=catalog, models=models, weights=weights, conventions="benchmark", concurrency=16
    ) as assistant:
        states = list(assistant.correct_states(each.case for each in loaded.cases))
    states.sort(key=lambda state: state.case.database)
    labeller = Labeller(catalog, files.benchmark)
    known = len(data.cases)
    collect_agreed(loaded.cases, states, labeller, name, data)
    counts: Counter[str] = Counter()
    for each in data.cases[known:]:
        counts["before"] += each.draft
        counts["after"] += each.after
        counts["fixed"] += each.after and not each.draft
        counts["broken"] += each.draft and not each.after
    labelled = {each.case.id: each for each in loaded.cases}
    for state in states:
        case, gold = state.case, labelled[state.case.id].gold
        if not labeller.gold_runs(case.database, gold):
            continue
        own = next((each.sql for each in state.candidates if each.origin == "drafter"), "")
        counts["answers right"] += labeller.right(case.database, own, gold)
    counts["no answer"] = sum(bool(state.failures) for state in states)
    names = ("before", "after", "fixed", "broken", "answers right", "no answer")
    print(f"{name}: " + ", ".join(f"{each} {counts[each]}" for each in names), flush=True)
    return counts


def area(scored: list[tuple[float, bool]]) -> float:
    """Area under the ROC curve: the chance that a right query is surer than a wrong one."""
    below = wins = 0.0
    for _, right in sorted(scored):
        wins += below if right else 0
        below += not right
    return wins / max(1.0, below * sum(right for _, right in scored))


def report(cases: list[Asked]) -> bool:
    """Print the figures; whether answers may act, as they do on databases left out."""
    print(f"{len(cases)} cases, {len({each.question for each in cases})} questions")
    known = [each for each in cases if each.opinion is not None]
    alone = [(each.opinion[1], each.before) for each in known if each.opinion is not None]
    _, scored = fit_opinion(cases)
    confidences, right = zip(*scored, strict=True)
    error = calibration_error(reliability(confidences, right))
    print(
        f"confidence: area {area(alone):.3f} without answers, {area(scored):.3f} with them; error {error:.3f}"
    )
    wrong = sum(not each for each in right)
    for limit in (0.5, 0.4, 0.3, 0.2):
        below = [is_right for sure, is_right in scored if sure < limit]
        missed = sum(not each for each in below)
        share = missed / max(1, len(below))
        print(f"  below {limit}: {len(below)}, of them wrong {share:.3f}, of all wrong {missed / wrong:.3f}")
    for share in (1.0, 0.0):
        some = [each.before for each in known if each.opinion is not None and each.opinion[2] == share]
        print(
            f"  answers that agree {share:g}: {len(some)} queries, {sum(some) / max(1, len(some)):.3f} right"
        )
    acts: dict[str, list[bool]] = {}
    sets: dict[str, Counter[str]] = {}
    for case, rival in zip(cases, tried(cases), strict=True):
        right = case.after if rival is None else rival.right
        if rival is not None and rival.right != case.before:
            acts.setdefault(case.question, []).append(rival.right)
        one = sets.setdefault(case.generator, Counter())
        one.update(
            cases=1, before=case.draft, without=case.after, after=right, fixed=right and not case.draft,
            broken=case.draft and not right,
        )  # fmt: skip
    print("each database judged by models that saw neither it nor the generator:")
    print(
        "| drafts | cases | before | no answer acts | after | fixed | broken |\n|---|---|---|---|---|---|---|"
    )
    names = ("cases", "before", "without", "after", "fixed", "broken")
    for name, one in (*sets.items(), ("all", sum(sets.values(), Counter()))):
        print(f"| {name} | " + " | ".join(str(one[each]) for each in names) + " |")
    mends = [mend for each in acts.values() for mend in each]
    shares = [sum(each) / len(each) for each in acts.values()]
    bound = lower_bound(sum(shares) / max(1, len(shares)), len(shares))
    print(
        f"answers in place of the current query, left out: fixed {sum(mends)}, broken "
        f"{len(mends) - sum(mends)}, over {len(shares)} questions, bound over them {bound:.3f}"
    )
    return bound >= LEAST_BOUND


def main() -> None:
    """Collect, report, and write where that is asked for."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", type=Path, nargs="?", default=Path(os.environ.get("SHARE_DATA", "../shared/data"))
    )
    parser.add_argument("out", type=Path, nargs="?", default=Path("out/agreement"))
    parser.add_argument("--every", type=int, default=1, help="every how manyth question is taken")
    parser.add_argument("--answers", type=Path, help="the drafter's answers, drawn elsewhere")
    parser.add_argument("--second", type=Path, help="the second drafter's answers, drawn elsewhere")
    parser.add_argument(
        "--samples", type=int, default=1, help="how many of those are used where the first differs"
    )
    parser.add_argument("--write", action="store_true", help="put the models into the shipped weights")
    args = parser.parse_args()
    if args.answers is None and args.samples != 1:
        parser.error("--samples is for --answers; of the shipped drafter its card says it")
    for given in (args.answers, args.second):
        if given is not None and not given.is_file():
            parser.error(f"there is no {given}; `small.fetched answers` writes it")
    args.out.mkdir(parents=True, exist_ok=True)
    data, lost = AgreedData(), 0
    for name, files in sets(args.data, args.out):
        models = drafters(args.out, args.answers, args.second, files.benchmark, args.samples)
        lost += collect(name, files, models, args.every, data)["no answer"]
    if lost:
        sys.exit(f"{lost} drafts lack answers, so that nothing is fitted, told of all or written")
    holds = report(data.cases)
    agreed, figures = fit_agreed(data.cases)
    right, _ = fit_opinion(data.cases)
    print(f"answers' model, fitted on all: {figures}; {dict(agreed.weights)}")
    print(f"confidence, fitted on all: {dict(right.weights)}")
    if args.write:
        # What does not hold on databases left out does not act, however well it looks on all of them.
        weights = replace(load_weights(), agreed=agreed if holds else UNFITTED, right_answers=right)
        SHIPPED.write_text(json.dumps(weights.to_json(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
