#!/usr/bin/env bash
# From nothing to small models: training data, a small model's own drafts, and adapters for BAM, SAM, LOM and the
# scorer; as shipped, of SmolLM2-135M.
#
#   small/train.sh [DATA] [OUT]
#
# DATA  folder of the benchmarks' data (default: $SHARE_DATA, else ../shared/data); only train questions are read
# OUT   folder for all that is made (default: out/small); what is there is not made again
#
# PROMPTS is the prompt set (default: brief, which the shipped models were trained on; coder for Qwen2.5-Coder), BASE a
# GGUF file of the base (default: what `share models pull` got). TRAIN=no ends before the adapters are trained, for
# `small/gpu.sh` to train them on a GPU elsewhere, and drafts nothing itself: DRAFTS is a file of drafts that came from
# there (a new OUT then), and without it real errors are GPT's alone.
# SHARE is the command (default: .venv/bin/share), SHARE_PYTHON the Python that has SHARE (default: beside it), and
# TRAIN_PYTHON one with torch, tokenizers, safetensors, numpy and gguf (default: python3).
#
# One large GPU takes about a quarter of an hour for drafting and training, and two cores half an hour for what is run
# and labelled between. Each training is bounded by the clock, to about what the shipped models had (`small/adapter.py`,
# `small/draft.py`). TRAIN_OPTIONS goes to each of them: "--seconds 30 --tokens 2000" for a trial on a CPU. Shipped bam,
# sam and lom were trained side by side, two thirds as fast, on drafts of the same kind whose model wrote SQL.
#
# DRAFTER_BASE, a GGUF file of Qwen2.5-Coder-0.5B (`share models pull 0.5b` tells where it is), trains the drafter too.
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
prompts=${PROMPTS:-brief}
[ -z "${BASE:-}" ] || options+=(--base "$BASE")
export PYTHONPATH="$here:$here/src${PYTHONPATH:+:$PYTHONPATH}"
mkdir -p "$out"
[ -n "${BASE:-}" ] || "$share" models pull

step() { [ ! -e "$out/$1" ] && echo "== $1"; }

# 1. Proved trajectories of gold, and the GPT drafts of BIRD train.
if step spider-train; then bash "$here/runs/training_data.sh" "$data" "$out"; fi

# 2. Real errors: a model fitted to half of the databases drafts for the others.
if step "$prompts/drafter_train_data.json"; then
  "$share" data drafter "$out/spider-train" "$out/bird-train" --out "$out/$prompts" --prompts "$prompts"
fi
if [ -n "${DRAFTS:-}" ]; then
  cp "$DRAFTS" "$out/drafts.jsonl"
elif [ "${TRAIN:-yes}" = no ] && [ ! -e "$out/drafts.jsonl" ]; then
  : > "$out/drafts.jsonl"
fi
if step drafts.jsonl; then
  "$train" -m small.draft "$out/$prompts/drafter_train_data.json" "$out/drafts.jsonl" "${options[@]}"
fi
if step spider-train.labelled.jsonl; then
  "$python" -m small.label "$out/spider-train" "$out/drafts.jsonl" "$out/spider-train.labelled.jsonl" "$out/folds.jsonl"
fi
if step bird-train.labelled.jsonl; then
  "$python" -m small.label "$out/bird-train" "$out/drafts.jsonl" "$out/bird-train.labelled.jsonl"
fi
folds=()
if [ -s "$out/folds.jsonl" ]; then folds=("$out/spider-folds"); fi
if [ -n "${folds[*]}" ] && step spider-folds; then
  "$share" data teacher "$out/spider-folds" --cases "$out/folds.jsonl" --databases "$data/spider/database" \
    --tables "$data/spider/tables.json" --meanings "$data/spider/column_meaning.json" --rule spider
fi

# 3. Examples in the prompts of the set. Those of held-out databases are among them; no training below learns from them.
if step "$prompts/lom_train_data.json"; then
  if [ "$prompts" = brief ]; then
    "$share" data bam "$out/bird-train" "$out/spider-train" --out "$out/brief" --prompts brief
  fi
  "$share" data sam "$out/bird-train" "$out/spider-train" "${folds[@]}" --out "$out/$prompts" --prompts "$prompts"
  "$share" data lom "$out/bird-train" "$out/spider-train" "${folds[@]}" --out "$out/$prompts" --prompts "$prompts" \
    --unchanged 0.8
fi

# 4. The scorer's pairs, and single edits of held-out drafts that tell which kinds are worth asking it about.
if step "$prompts/scorer_train_data.json"; then
  "$python" -m small.pairs "$out/$prompts/scorer_train_data.json" \
    --of "$out/spider-train" "$out/spider-train.labelled.jsonl" \
    --of "$out/bird-train" "$out/bird-train/drafts.jsonl" "$out/bird-train.labelled.jsonl" --prompts "$prompts"
fi
if [ "$prompts" = coder ] && step coder/errors_train_data.json; then
  "$python" -m small.errors "$out/coder/errors_train_data.json" \
    --of "$out/spider-train" "$out/spider-train.labelled.jsonl" \
    --of "$out/bird-train" "$out/bird-train/drafts.jsonl" "$out/bird-train.labelled.jsonl"
fi
if step edits.jsonl; then
  "$python" -m small.held_edits "$out/edits.jsonl" --of "$out/bird-train" "$out/bird-train/drafts.jsonl" \
    --of "$out/spider-train" "$out/spider-train.labelled.jsonl" --prompts "$prompts"
fi

# 5. What the drafter that answers beside a draft learns from, and what it is asked to be judged by.
if step questions.jsonl; then "$python" -m small.questions "$data" "$out/questions.jsonl"; fi
if step asked.jsonl; then "$python" -m small.questions "$data" "$out/asked.jsonl" --of spider-dev bird-dev; fi

# 6. The adapters.
if [ "${TRAIN:-yes}" = no ]; then
  echo "Train them: small/gpu.sh prepare BASE.gguf $out OUT"
  exit
fi
for role in bam sam lom; do
  if [ -e "$out/$prompts/${role}_train_data.json" ] && step "models/$role"; then
    "$train" -m small.adapter "$out/$prompts/${role}_train_data.json" "$out/models/$role" --role "$role" \
      --prompts "$prompts" "${options[@]}"
  fi
done
if step models/scorer; then
  "$train" -m small.scorer "$out/$prompts/scorer_train_data.json" "$out/edits.jsonl" "$out/models/scorer" \
    --prompts "$prompts" "${options[@]}"
fi

# 7. The drafter: on a code model, from questions and gold alone. A GPU does it better (`small/gpu.sh`).
if [ -n "${DRAFTER_BASE:-}" ] && step models/drafter; then
  "$train" -m small.drafter "$out/questions.jsonl" "$out/models/drafter" --base "$DRAFTER_BASE"
fi
echo "Use them with --models embedded:$out/models"
