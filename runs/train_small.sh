#!/usr/bin/env bash
# From nothing to three adapters of SmolLM2-135M: training data, base weights, LLaMA-Factory, BAM, SAM, LOM.
#
#   runs/train_small.sh [DATA] [OUT]
#
# DATA  folder of the benchmarks' data (default: $SHARE_DATA, else ../shared/data)
# OUT   folder for data and models (default: out/small); what is finished there is not done again
# GPUS  GPUs to use; default: one if nvidia-smi lists any, else the CPU (days; set EXAMPLES)
# EXAMPLES  at most so many examples a model (default: all)
# RECIPE    recipe file (default: runs/recipes/smollm2-135m.yaml, or smollm2-135m-cpu.yaml without a GPU)
#
# The training environment (LLaMA-Factory 0.9.5, torch) is made on first use. To use another build of torch,
# make the environment yourself and name it in SHARE_TRAINING_ENV.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
share=${SHARE:-$here/.venv/bin/share}
python=$(dirname "$share")/python
data=${1:-${SHARE_DATA:-$here/../shared/data}}
out=${2:-$here/out/small}
found=0
if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then found=1; fi
gpus=${GPUS:-$found}
suffix=""
if [ "$gpus" = 0 ]; then suffix=-cpu; fi
recipe=${RECIPE:-$here/runs/recipes/smollm2-135m$suffix.yaml}

mkdir -p "$out"
if [ ! -f "$out/ft_data/lom_train_data.json" ]; then
  bash "$here/runs/training_data.sh" "$data" "$out"
fi
"$share" models pull

used=$out/ft_data
if [ -n "${EXAMPLES:-}" ]; then
  used=$out/ft_data_$EXAMPLES
  "$python" - "$out/ft_data" "$used" "$EXAMPLES" <<'PY'
import json, random, shutil, sys
from pathlib import Path
source, target, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
target.mkdir(exist_ok=True)
shutil.copy(source / "dataset_info.json", target)
for role in ("bam", "sam", "lom"):
    rows = json.loads((source / f"{role}_train_data.json").read_text(encoding="utf-8"))
    rows = random.Random(1).sample(rows, min(count, len(rows)))
    (target / f"{role}_train_data.json").write_text(json.dumps(rows), encoding="utf-8")
PY
fi

for role in bam sam lom; do
  "$share" train "$role" --base smollm2-135m --data "$used" --out "$out/models" \
    --gpus "$gpus" --recipe "$recipe" --resume
done
echo "Use them with --models $out/models/models.toml"
