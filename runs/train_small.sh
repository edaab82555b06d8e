#!/usr/bin/env bash
# From nothing to the shipped models: training data, a small model's own drafts, and adapters of SmolLM2-135M for
# BAM, SAM, LOM and the scorer.
#
#   runs/train_small.sh [DATA] [OUT]
#
# DATA  folder of the benchmarks' data (default: $SHARE_DATA, else ../shared/data); only train questions are read
# OUT   folder for all that is made (default: out/small); what is there is not made again
#
# TOKENIZER  SmolLM2's tokenizer.json; transformers' AutoTokenizer reads it out of the GGUF file and saves it
#
# Needs torch, tokenizers, safetensors and gguf in TRAIN_PYTHON (default: python3), and one large GPU: about a
# quarter of an hour on an H200 for drafting and training, and half an hour of two cores for what is run and labelled
# between. SECONDS_DRAFT, SECONDS_SAM, SECONDS_LOM, SECONDS_BAM, SECONDS_SCORER bound each training by the clock; the
# defaults are about what the shipped models had. Shipped bam, sam and lom were trained side by side, two thirds as
# fast, on drafts of the same kind whose model wrote SQL.
#
# The same adapters by LLaMA-Factory, from OUT/ft_data:
#   share train sam --base smollm2-135m --data OUT/ft_data --out OUT/models --recipe runs/recipes/smollm2-135m.yaml
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
share=${SHARE:-$here/.venv/bin/share}
python=$(dirname "$share")/python
train=${TRAIN_PYTHON:-python3}
data=${1:-${SHARE_DATA:-$here/../shared/data}}
out=${2:-$here/out/small}
small=$here/runs/small
tokenizer=${TOKENIZER:?"name SmolLM2's tokenizer.json in TOKENIZER"}
mkdir -p "$out"
"$share" models pull
base=${XDG_CACHE_HOME:-$HOME/.cache}/share-sql/models/base/SmolLM2-135M-Instruct.Q4_1.gguf

step() { [ ! -e "$out/$1" ] && echo "== $1"; }

# 1. Proved trajectories of gold, and the GPT drafts of BIRD train.
if step spider-train; then bash "$here/runs/training_data.sh" "$data" "$out"; fi

# 2. Real errors: a model fitted on half of the databases drafts for the others.
if step brief/drafter_train_data.json; then
  "$share" data drafter "$out/spider-train" "$out/bird-train" --out "$out/brief" --prompts brief
fi
if step drafting.npz; then
  "$train" "$small/draft_data.py" "$tokenizer" "$out/brief/drafter_train_data.json" "$out" 5
fi
if step drafts.jsonl; then "$train" "$small/draft.py" "$base" "$tokenizer" "$out" "${SECONDS_DRAFT:-60}"; fi
if step spider.labelled; then
  "$python" "$small/label_drafts.py" "$out/spider-train" "$out/drafts.jsonl" "$out/spider.labelled" "$out/folds.jsonl"
fi
if step bird.labelled; then
  "$python" "$small/label_drafts.py" "$out/bird-train" "$out/drafts.jsonl" "$out/bird.labelled" "$out/bird-folds.jsonl"
fi
if step spider-folds; then
  "$share" data teacher "$out/spider-folds" --cases "$out/folds.jsonl" --databases "$data/spider/database" \
    --tables "$data/spider/tables.json" --meanings "$data/spider/column_meaning.json" --rule spider
fi

# 3. Examples in the brief prompts, without held-out databases; pairs for the scorer, and held-out edits to tell
#    which kinds are worth asking it about.
if step brief/lom_train_data.json; then
  "$share" data bam "$out/bird-train" "$out/spider-train" --out "$out/brief" --prompts brief
  "$share" data sam "$out/bird-train" "$out/spider-train" "$out/spider-folds" --out "$out/brief" --prompts brief
  "$share" data lom "$out/bird-train" "$out/spider-train" "$out/spider-folds" --out "$out/brief" --prompts brief \
    --unchanged 0.8
  "$python" "$small/without_held_out.py" "$out/brief"
fi
if step pairs.jsonl; then
  "$python" "$small/pairs.py" "$out/spider-train" "$out/spider.labelled" "$out/pairs-spider" 0 1
  cat "$out/bird-train/drafts.jsonl" "$out/bird.labelled" > "$out/bird-all.labelled"  # GPT's drafts too
  "$python" "$small/pairs.py" "$out/bird-train" "$out/bird-all.labelled" "$out/pairs-bird" 0 1 2
  cat "$out"/pairs-spider.0 "$out"/pairs-bird.0 > "$out/pairs.jsonl"
fi
if step edits.jsonl; then
  "$python" "$small/held_edits.py" "$out/bird-train" "$out/bird-train/drafts.jsonl" "$out/edits-bird"
  "$python" "$small/held_edits.py" "$out/spider-train" "$out/spider.labelled" "$out/edits-spider"
  cat "$out/edits-bird" "$out/edits-spider" > "$out/edits.jsonl"
fi

# 4. The adapters.
tune() { # role, rank, alpha, epochs, rate, seconds
  if step "models/$1"; then
    "$train" "$small/finetune.py" "$base" "$tokenizer" "$out/brief/$1_train_data.json" "$out/models/$1" \
      --rank "$2" --alpha "$3" --epochs "$4" --rate "$5" --seconds "$6"
    echo '{"prompts": "brief"}' > "$out/models/$1/card.json"
  fi
}
tune bam 8 16 2 1e-3 "${SECONDS_BAM:-60}"
tune sam 16 32 3 8e-4 "${SECONDS_SAM:-190}"
tune lom 16 32 4 8e-4 "${SECONDS_LOM:-265}"
if step models/scorer; then
  "$train" "$small/scorer.py" "$base" "$tokenizer" "$out/pairs.jsonl" "$out/models/scorer" "${SECONDS_SCORER:-325}" \
    "$out/edits.jsonl"
  echo '{"prompts": "brief"}' > "$out/models/scorer/card.json"
  "$python" "$small/edit_kinds.py" "$out/edits.jsonl" "$out/models/scorer/edits.jsonl"
fi
echo "Use them with --models embedded:$out/models"
