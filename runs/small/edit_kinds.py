"""Which kinds of single edits are worth asking the scorer about: what it would mend and break, kind by kind.

    python runs/small/edit_kinds.py EDITS SCORES

EDITS is what `held_edits.py` wrote, SCORES the `edits.jsonl` that `scorer.py` wrote for it. Real drafts
alone count: gold as a draft is right even where it selects what nobody asked for. Of each draft the best
scored edit of a kind is taken; printed are, from the highest score down, how many drafts are mended before
the first, second and third is broken, with the score at which that happens.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def main() -> None:
    edits = [json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]
    scores = iter(Path(sys.argv[2]).read_text("utf-8").splitlines())
    real = {edit["case"]: edit["before"] for edit in edits if not edit["kind"] and not edit["gold"]}
    best: dict[tuple[str, str], dict[str, tuple[float, bool, bool]]] = defaultdict(dict)
    for edit in edits:
        if not edit["kind"]:
            continue
        forth, back = json.loads(next(scores))
        source = edit["case"].split("/")[0]
        told = (forth - back, edit["after"] and not edit["before"], edit["before"] and not edit["after"])
        if edit["case"] in real:
            group = best[source, edit["kind"]]
            group[edit["case"]] = max(told, group.get(edit["case"], (-99.0, False, False)))
    for source in sorted({source for source, _ in best}):
        known = [right for case, right in real.items() if case.startswith(f"{source}/")]
        print(f"{source}: {len(known)} drafts, {known.count(False)} wrong")
        for (of, kind), group in sorted(best.items()):
            if of != source:
                continue
            fixed = broken = 0
            marks = []
            for score, mends, breaks in sorted(group.values(), reverse=True):
                fixed, broken = fixed + mends, broken + breaks
                if breaks and broken <= 3:
                    marks.append(f"{fixed} at {score:.1f}")
            print(f"  {kind:18} {len(group):4} drafts: mended {', '.join(marks)}; {fixed} in all")


if __name__ == "__main__":
    main()
