#!/bin/sh
# Fit the judge's weights as they are shipped.
#
#     runs/calibrate.sh [DATA] [SMALL] [OUT]
#
# SMALL is the folder of `small/train.sh` (default: out/small). Repairs and the model of asked columns: Spider train and
# the demo (gold, and gold made wrong) and BIRD train (real GPT drafts beside gold). The comparison of candidates: a small
# model's drafts on Spider train. Scored candidates (no kind of single edit is tried: none held where nobody looked): its drafts and GPT's on databases of Spider train
# and BIRD train that the shipped models never saw. The weights of findings, which make abstentions, are fitted on the drafts
# of Spider dev, the confidence on those of Spider dev and BIRD dev; neither chooses any SQL. About an hour on two cores.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
small=${2:-out/small}
out=${3:-out/calibrate}
mkdir -p "$out"
python=${PYTHON:-.venv/bin/python}
"$python" runs/make_cases.py "$data" "$out"
PYTHONPATH=.:src "$python" -m small.calibration_files "$data" "$small" "$out"
.venv/bin/share calibrate \
    --gold "$out/gold.jsonl" \
    --text "$out/bird_train_text.jsonl" --tables "$out/tables.json" \
    --drafts "$out/spider_dev_drafts.jsonl" --rewrites "$out/drafts.jsonl" --confidence "$out/dev_drafts.jsonl" \
    --scored "$out/scored.jsonl" --models embedded --meanings "$out/column_meaning.json" \
    --databases "$out/databases" --rule spider --out "$out/weights.json"
