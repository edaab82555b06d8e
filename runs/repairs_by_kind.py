"""What each kind of repair did on real drafts: fixed, broken, or neither.

    python runs/repairs_by_kind.py [DATA] [OUT]

Reads the folders that runs/no_model.sh left in OUT (default: out/no_model). A draft with several repairs
counts for each of their kinds.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

from share_sql.benchmarks.cases import read_cases_jsonl
from share_sql.calibration.label import Labeller
from share_sql.catalog import Catalog
from share_sql.judgement.weights import load_weights


def main(data: Path, out: Path) -> None:
    kinds = load_weights().repairs
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    for folder in sorted(path.parent for path in out.glob("*/corrections.jsonl")):
        benchmark, _, model = folder.name.partition("-")
        where = data / ("bird/dev/dev_databases" if benchmark == "bird" else "spider/database")
        cases = {c.case.id: c for c in read_cases_jsonl(out / f"{benchmark}_dev_{model}.jsonl")}
        catalog = Catalog()
        for name in {case.case.database for case in cases.values()}:
            catalog.add(name, where / name / f"{name}.sqlite")
        labeller = Labeller(catalog, benchmark)
        for line in (folder / "corrections.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            case = cases[row["id"]]
            if row["verdict"] != "corrected":
                continue
            before = labeller.right(case.case.database, case.case.draft, case.gold)
            after = labeller.right(case.case.database, row["sql"], case.gold)
            what = {(False, True): "fixed", (True, False): "broken"}.get((before, after), "neither")
            for finding in row["findings"]:
                if finding["kind"] in counts:
                    counts[finding["kind"]][what] += 1
        catalog.close()
    print(f"{'kind':24}{'fixed':>8}{'broken':>8}{'neither':>9}")
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]["fixed"]):
        print(f"{kind:24}{count['fixed']:8}{count['broken']:8}{count['neither']:9}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    main(
        Path(arguments[0] if arguments else os.environ.get("SHARE_DATA", "../shared/data")),
        Path(arguments[1] if len(arguments) > 1 else "out/no_model"),
    )
