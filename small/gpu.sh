#!/usr/bin/env bash
# A short run on one GPU, when there is one: what `small/train.sh` made goes there in files of at most 60 MiB, one
# script trains there, and adapters and drafts come back in at most eight files under 16 MiB. The GPU machine needs torch,
# numpy, this repository's files, and no network.
#
#   small/gpu.sh prepare BASE.gguf MADE OUT   at home: OUT/parts (the base), OUT/*.npz (a role each), OUT/plan.json
#   small/gpu.sh train OUT BACK [SECONDS]     there: joins the parts, trains, writes into BACK; 560 seconds in all
#   small/gpu.sh home BASE.gguf MADE BACK     at home: MADE/models, and MADE/answers.jsonl for runs/agreement.py
#
# MADE is the folder that `small/train.sh` wrote with PROMPTS=coder. Fifteen minutes go like this: start the machine with
# the first file, bring the others while it is warm (a base of 0.5 billion weights is nine), call
# `train`, fetch BACK. Files that are there stay there; what arrived damaged is named, and brought again. A second run goes
# on from the first: copy BACK/NAME.safetensors beside plan.json and name it there as the task's "earlier".
# A drafter with "half" set to 0 or 1 learns from the other half of the databases and drafts for its own; a lender that
# takes a machine back after half a minute without a call wants all calls made ready beforehand.
#
# SHARE_PYTHON is a Python with SHARE, TRAIN_PYTHON one with torch, tokenizers, numpy and gguf (default: python3).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$here:$here/src${PYTHONPATH:+:$PYTHONPATH}"
train=${TRAIN_PYTHON:-python3}
python=${SHARE_PYTHON:-$here/.venv/bin/python}
verb=${1:-}
case $verb in
  prepare)
    base=$2 made=$3 out=$4
    mkdir -p "$out"
    "$train" -m small.weights "$base" "$out/base.safetensors"
    "$train" -m small.parts split "$out/base.safetensors" "$out/parts"
    for part in questions asked; do
      if [ -e "$made/$part.jsonl" ]; then
        "$train" -m small.arrays drafter "$made/$part.jsonl" "$out/$part.npz" --base "$base" --prompts brief
      fi
    done
    for role in scorer sam lom errors; do
      if [ -e "$made/coder/${role}_train_data.json" ]; then
        "$train" -m small.arrays "$role" "$made/coder/${role}_train_data.json" "$out/$role.npz" --base "$base"
      fi
    done
    cp "$here/small/gpu_plan.json" "$out/plan.json"
    ;;
  train)
    out=$2 back=$3 seconds=${4:-560}
    started=$SECONDS
    "$train" -m small.parts join "$out/parts" "$out/base.safetensors"
    "$train" -m small.gpu_run "$out/plan.json" "$back" --seconds $((seconds - SECONDS + started))
    ;;
  home)
    base=$2 made=$3 back=$4
    "$python" -m small.fetched adapters "$back" "$made/models"
    "$train" -m small.fetched answers "$back" "$made/asked.jsonl" "$made/answers.jsonl" --base "$base"
    ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
