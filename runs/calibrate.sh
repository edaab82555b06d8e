#!/bin/sh
# Fit the judge's weights as they are shipped.
#
#     runs/calibrate.sh [DATA] [OUT]
#
# Repairs and the model of asked columns: Spider train and the demo (gold, and gold made wrong) and BIRD train (real GPT
# drafts beside gold). Findings and the comparison of candidates: real drafts on Spider dev, which is why
# no figure with rewritten candidates is reported on Spider dev with these weights.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/calibrate}
mkdir -p "$out"
python=${PYTHON:-.venv/bin/python}
"$python" runs/make_cases.py "$data" "$out"
.venv/bin/share calibrate \
    --gold "$out/gold.jsonl" \
    --text "$out/bird_train_text.jsonl" --tables "$data/bird/train/train_tables.json" \
    --drafts "$out/spider_dev_drafts.jsonl" \
    --databases "$data/spider/database" --rule spider --out "$out/weights.json"
