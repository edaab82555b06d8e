#!/bin/sh
# Train BAM with LLaMA-Factory on the CPU, for real: 240 examples of Spider train, one epoch, then five corrections with it.
#
#     runs/llamafactory.sh [DATA] [OUT]
#
# `share models pull` first. The training environment is made on first use (about two minutes). About four minutes more.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/llamafactory}
share=${SHARE:-.venv/bin/share}
rm -rf "${out:?}"
mkdir -p "$out"
"$share" data teacher "$out/spider-train" --benchmark spider --questions "$data/spider/train.json" \
    --tables "$data/spider/tables.json" --databases "$data/spider/database" --limit 240
"$share" data bam "$out/spider-train" --out "$out/ft_data" --prompts brief
cat > "$out/recipe.yaml" <<'RECIPE'
template: chatml
num_train_epochs: 1.0
learning_rate: 5.0e-4
per_device_train_batch_size: 2
gradient_accumulation_steps: 2
cutoff_len: 512
save_steps: 1000
RECIPE
"$share" train bam --base smollm2-135m --data "$out/ft_data" --out "$out/models" --recipe "$out/recipe.yaml" --gpus 0
tail -1 "$out/models/bam/trainer_log.jsonl"
"$share" run --benchmark spider --questions "$data/spider/dev.json" --tables "$data/spider/tables.json" \
    --databases "$data/spider/database" --drafts "$data/spider/drafts/codes-7b.json" --limit 5 \
    --models "$out/models/models.toml" --prompts brief --out "$out/run"
