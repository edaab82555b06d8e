#!/usr/bin/env bash
# From nothing to the shipped models: training data, a small model's own drafts, and adapters of SmolLM2-135M for
# BAM, SAM, LOM and the scorer.
#
#   small/train.sh [DATA] [OUT]
#
# DATA  folder of the benchmarks' data (default: $SHARE_DATA, else ../shared/data); only train questions are read
# OUT   folder for all that is made (default: out/small); what is there is not made again
#
# SHARE is the command (default: .venv/bin/share), SHARE_PYTHON the Python that has SHARE (default: beside it), and
# TRAIN_PYTHON one with torch, tokenizers, safetensors, numpy and gguf (default: python3).
#
# One large GPU takes about a quarter of an hour for drafting and training, and two cores half an hour for what is run
# and labelled between. Each training is bounded by the clock, to about what the shipped models had (`small/adapter.py`,
# `small/draft.py`). TRAIN_OPTIONS goes to each of them: "--seconds 30 --tokens 2000" for a trial on a CPU. Shipped bam,
# sam and lom were trained side by side, two thirds as fast, on drafts of the same kind whose model wrote SQL.
#
# The same adapters by LLaMA-Factory, from OUT/ft_data:
#   share train sam --base smollm2-135m --data OUT/ft_data --out OUT/models --recipe runs/recipes/smollm2-135m.yaml
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
share=${SHARE:-$here/.venv/bin/share}
python=${SHARE_PYTHON:-$(dirname "$share")/python}
train=${TRAIN_PYTHON:-python3}
data=${1:-${SHARE_DATA:-$here/../shared/data}}
out=${2:-$here/out/small}
options=(${TRAIN_OPTIONS:-})
export PYTHONPATH="$here:$here/src${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p "$out"
"$share" models pull

step() { [ ! -e "$out/$1" ] && echo "== $1"; }

# 1. Proved trajectories of gold, and the GPT drafts of BIRD train.
if step spider-train; then bash "$here/runs/training_data.sh" "$data" "$out"; fi

# 2. Real errors: a model fitted to half of the databases drafts for the others.
if step brief/drafter_train_data.json; then
  "$share" data drafter "$out/spider-train" "$out/bird-train" --out "$out/brief" --prompts brief
fi
if step drafts.jsonl; then
  "$train" -m small.draft "$out/brief/drafter_train_data.json" "$out/drafts.jsonl" "${options[@]}"
fi
if step spider-train.labelled.jsonl; then
  "$python" -m small.label "$out/spider-train" "$out/drafts.jsonl" "$out/spider-train.labelled.jsonl" "$out/folds.jsonl"
fi
if step bird-train.labelled.jsonl; then
  "$python" -m small.label "$out/bird-train" "$out/drafts.jsonl" "$out/bird-train.labelled.jsonl"
fi
if step spider-folds; then
  "$share" data teacher "$out/spider-folds" --cases "$out/folds.jsonl" --databases "$data/spider/database" \
    --tables "$data/spider/tables.json" --meanings "$data/spider/column_meaning.json" --rule spider
fi

# 3. Examples in the brief prompts. Those of held-out databases are among them; no training below learns from them.
if step brief/lom_train_data.json; then
  "$share" data bam "$out/bird-train" "$out/spider-train" --out "$out/brief" --prompts brief
  "$share" data sam "$out/bird-train" "$out/spider-train" "$out/spider-folds" --out "$out/brief" --prompts brief
  "$share" data lom "$out/bird-train" "$out/spider-train" "$out/spider-folds" --out "$out/brief" --prompts brief \
    --unchanged 0.8
fi

# 4. The scorer's pairs, and single edits of held-out drafts that tell which kinds are worth asking it about.
if step brief/scorer_train_data.json; then
  "$python" -m small.pairs "$out/brief/scorer_train_data.json" \
    --of "$out/spider-train" "$out/spider-train.labelled.jsonl" \
    --of "$out/bird-train" "$out/bird-train/drafts.jsonl" "$out/bird-train.labelled.jsonl"
fi
if step edits.jsonl; then
  "$python" -m small.held_edits "$out/edits.jsonl" --of "$out/bird-train" "$out/bird-train/drafts.jsonl" \
    --of "$out/spider-train" "$out/spider-train.labelled.jsonl"
fi

# 5. The adapters.
for role in bam sam lom; do
  if step "models/$role"; then
    "$train" -m small.adapter "$out/brief/${role}_train_data.json" "$out/models/$role" --role "$role" "${options[@]}"
  fi
done
if step models/scorer; then
  "$train" -m small.scorer "$out/brief/scorer_train_data.json" "$out/edits.jsonl" "$out/models/scorer" "${options[@]}"
fi
echo "Use them with --models embedded:$out/models"
