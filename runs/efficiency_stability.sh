#!/usr/bin/env bash
# How steady the timed metrics are: VES and R-VES of the gold against itself and of one file of drafts,
# five times each.
#
#   runs/efficiency_stability.sh
#
# Data: $SHARE_DATA, else ../shared/data beside the project (BIRD dev with superhero and student_club).
# Takes some minutes. Nothing else should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
bird="${SHARE_DATA:-../shared/data}/bird/dev"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python - "$bird/dev.json" "$work/gold.json" <<'PYTHON'
import json, sys
questions = json.load(open(sys.argv[1]))
json.dump({str(question["question_id"]): question["SQL"] for question in questions}, open(sys.argv[2], "w"))
PYTHON
for file in "$work/gold.json" "$bird/drafts/codes-7b.json"; do
    for _ in 1 2 3 4 5; do
        .venv/bin/share eval --benchmark bird --questions "$bird/dev.json" \
            --databases "$bird/dev_databases" --predictions "$file" --only-present \
            --metrics ves,r-ves --json |
            .venv/bin/python -c 'import json, sys; total = json.load(sys.stdin)["total"]
print(sys.argv[1], "VES", round(total["ves"], 2), "R-VES", round(total["r-ves"], 2))' "$(basename "$file" .json)"
    done
done
