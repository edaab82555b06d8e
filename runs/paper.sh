#!/usr/bin/env bash
# From data to the paper's table: training data, three models, corrections of dev's drafts, execution accuracy before and
# after, by difficulty.
#
#     runs/paper.sh [--dry-run] [OUT]          OUT: folder for all that is made; default out/paper
#
# --dry-run prints each step as the commands it would run. A step that fails ends the script with its name; the same call
# goes on from there. It is set by the environment:
#
#     DATA_CONFIG  where the data lies (default configs/data_config.json; docs/reference.md)
#     PARTS        what is corrected: dev, spider-dev or both (default dev); the file names drafts for each
#     CHECKPOINTS  train: train the three models (default). published: birdsql/share-bam, share-sam, share-lom.
#                  What else --models takes (a models file, recorded:DIR, embedded) is taken as it is, without a server
#     PROMPTS      prompt set: a name or a folder (default: default). For `published`, the reference's
#                  src/prompts/for_infer.py, which is imported
#     GENERATOR    env: the chat model of ENGINE_ID, OPENAI_API_BASE, OPENAI_API_KEY, or Azure's variables (default).
#                  none: trajectories are compiled
#     TEACHER      none: trajectories from gold's syntax tree (default); or a models file with a teacher, as in the paper
#     BASE, RECIPE, GPUS    what is trained, how, on how many GPUs (default meta-llama/Llama-3.1-8B-Instruct,
#                  runs/recipes/llama-3.1-8b.yaml, 1)
#     SERVER       vllm (default), or none for a BASE that runs in SHARE's own process
#     PORT         the first port of vLLM (default 8000)
#     VLLM         more arguments of vLLM (default --max-model-len 8192; for `published`, three of which share a GPU, also
#                  --gpu-memory-utilization 0.3)
#
# Each part is corrected three times: without a model, with the models under the policy `always`, which is the paper's, and
# under SHARE's own, `gated`. The first stands at the beginning: what is wrong with the data shows before hours of training.
set -euo pipefail

dry=
if [ "${1:-}" = --dry-run ]; then
    dry=1
    shift
fi
if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
    echo "paper.sh: it takes --dry-run and one folder; all else is set by the environment (see its head)" >&2
    exit 2
fi
out=${1:-out/paper}
config=${DATA_CONFIG:-configs/data_config.json}
read -r -a parts <<<"${PARTS:-dev}"
checkpoints=${CHECKPOINTS:-train}
prompts=${PROMPTS:-default}
generator=${GENERATOR:-env}
teacher=${TEACHER:-none}
base=${BASE:-meta-llama/Llama-3.1-8B-Instruct}
recipe=${RECIPE:-runs/recipes/llama-3.1-8b.yaml}
gpus=${GPUS:-1}
server=${SERVER:-vllm}
port=${PORT:-8000}
default_vllm="--max-model-len 8192"
[ "$checkpoints" != published ] || default_vllm="--gpu-memory-utilization 0.3 $default_vllm"
read -r -a vllm <<<"${VLLM:-$default_vllm}"
share=${SHARE:-.venv/bin/share}
servers=()
now=

stop_servers() {
    local each
    for each in "${servers[@]}"; do
        kill "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
    done
    servers=()
}

ended() {
    local code=$?
    stop_servers
    if [ "$code" != 0 ] && [ -n "$now" ]; then
        echo "paper.sh: the step $now failed (exit $code); the same call goes on from there" >&2
    fi
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

shown() { # a command as it can be typed
    printf 'share'
    printf ' %q' "$@"
}

is_done() { [ -z "$dry" ] && [ -e "$out/steps/$1" ]; }

step() { # NAME, then a verb of share with its arguments
    local name=$1
    shift
    if is_done "$name"; then
        echo "== $name: done before"
        return
    fi
    show "$name" "$@"
    [ -n "$dry" ] || touch "$out/steps/$name"
}

show() { # the same for a step that is done each time
    local name=$1
    shift
    if [ -n "$dry" ]; then
        printf '# %s\n%s\n' "$name" "$(shown "$@")"
        return
    fi
    now=$name
    echo "== $name: $(shown "$@")"
    "$share" "$@"
    now=
}

are_done() { # whether all of these steps are
    local each
    for each in "$@"; do
        is_done "$each" || return 1
    done
}

correct() { # PART, NAME of the run, then what else `share run` takes
    local part=$1 name=$2
    shift 2
    step "run-$part-$name" run --data-config "$config" --part "$part" --out "$out/$part-$name" --resume "$@"
}

serve() { # NAME, file for the models file, port, then arguments of `share models serve`
    local name=$1 file=$2 at=$3
    shift 3
    set -- models serve --port "$at" "$@" -- "${vllm[@]}"
    if [ -n "$dry" ]; then
        printf '# %s\n%s > %q &\n' "$name" "$(shown "$@")" "$file"
        return
    fi
    now=$name
    echo "== $name: $(shown "$@")"
    : >"$file"
    "$share" "$@" >"$file" 2>"$file.log" &
    servers+=($!)
    # It prints the models file once vLLM answers.
    while [ ! -s "$file" ]; do
        if ! kill -0 "${servers[-1]}" 2>/dev/null; then
            tail -n 5 "$file.log" >&2
            return 1
        fi
        sleep 0.5
    done
    now=
}

missing() {
    echo "paper.sh: $1" >&2
    exit 2
}

check() {
    [ -f "$config" ] || missing "there is no $config; DATA_CONFIG names where the data lies"
    [ -x "$share" ] || missing "there is no $share; run make demo, or name the program by SHARE"
    case $checkpoints in train | published)
        if [ "$generator" = env ] && [ -z "${ENGINE_ID:-}" ]; then
            missing "no generator is named: set ENGINE_ID, and OPENAI_API_BASE and OPENAI_API_KEY; or GENERATOR=none"
        fi
        if [ "$checkpoints$server" != trainnone ] && ! command -v vllm >/dev/null; then
            missing "there is no vllm; install it with \`uv tool install vllm\`, or give SERVER=none with a small BASE"
        fi
        ;;
    esac
    if [ "$checkpoints" = published ] && [ ! -f "$prompts" ]; then
        missing "CHECKPOINTS=published needs PROMPTS, the file src/prompts/for_infer.py of a checkout of the reference"
    fi
    # A folder is one run's: what was made with other settings is not gone on with.
    local settings
    settings=$(printf '%s\n' "$config" "${parts[*]}" "$checkpoints" "$prompts" "$generator" "$teacher" "$base" "$recipe")
    if [ -e "$out/settings" ] && [ "$settings" != "$(cat "$out/settings")" ]; then
        missing "$out holds a run with other settings; name another folder"
    fi
    mkdir -p "$out/steps"
    printf '%s\n' "$settings" >"$out/settings"
}

[ -n "$dry" ] || check
models=$out/models.toml
runs=()
for part in "${parts[@]}"; do
    correct "$part" none --models none
    runs+=("run-$part-always" "run-$part-gated")
done

if [ "$checkpoints" = train ]; then
    trained=$out/models
    step teacher-bird data teacher "$out/bird-train" --data-config "$config" --part bird-train --models "$teacher"
    step teacher-spider data teacher "$out/spider-train" --data-config "$config" --part spider-train --models "$teacher"
    sources=("$out/bird-train" "$out/spider-train" --out "$out/ft_data" --prompts "$prompts")
    step examples-bam data bam "${sources[@]}"
    training=(--base "$base" --data "$out/ft_data" --out "$trained" --recipe "$recipe" --gpus "$gpus" --resume)
    step train-bam train bam "${training[@]}"
    # BAM writes the drafts' trajectories that SAM and LOM learn from.
    writer=$trained/models.toml
    if [ "$server" = vllm ]; then
        writer=$out/bam.toml
        are_done examples-sam examples-lom || serve serve-bam "$writer" "$port" --base "$base" --adapters "$trained"
    fi
    step examples-sam data sam "${sources[@]}" --models "$writer"
    step examples-lom data lom "${sources[@]}" --models "$writer"
    stop_servers
    step train-sam train sam "${training[@]}"
    step train-lom train lom "${training[@]}"
    if are_done "${runs[@]}"; then
        :
    elif [ "$server" = vllm ]; then
        serve serve-models "$out/served.toml" "$port" --base "$base" --adapters "$trained"
    elif [ -z "$dry" ]; then
        # Its folders are relative to it.
        sed "s|^adapter = \"|adapter = \"models/|" "$trained/models.toml" >"$out/served.toml"
    fi
    served=("$out/served.toml")
elif [ "$checkpoints" = published ]; then
    step prompts prompts import "$prompts" --to "$out/prompts"
    prompts=$out/prompts
    served=("$out/bam.toml" "$out/sam.toml" "$out/lom.toml")
    if ! are_done "${runs[@]}"; then
        serve serve-bam "$out/bam.toml" "$port" --base birdsql/share-bam --role bam --role mask
        serve serve-sam "$out/sam.toml" "$((port + 1))" --base birdsql/share-sam --role sam
        serve serve-lom "$out/lom.toml" "$((port + 2))" --base birdsql/share-lom --role lom
    fi
else
    models=$checkpoints
    served=()
fi
if [ ${#served[@]} -gt 0 ]; then
    generator_table=
    [ "$generator" = none ] || generator_table=$'\n[models.generator]\nadapts = true\n'
    if [ -n "$dry" ]; then
        printf '# models-file: the three models%s\ncat' "${generator_table:+, and the generator that the environment names}"
        printf ' %q' "${served[@]}"
        printf ' > %q\n' "$models"
        [ -z "$generator_table" ] || printf "printf '[models.generator]\\\\nadapts = true\\\\n' >> %q\n" "$models"
    else
        { cat "${served[@]}" && printf '%s' "$generator_table"; } >"$models"
    fi
fi

for part in "${parts[@]}"; do
    for policy in always gated; do
        correct "$part" "$policy" --models "$models" --prompts "$prompts" --policy "$policy"
    done
done
stop_servers

# The table: printed each time, also where all was done before.
for part in "${parts[@]}"; do
    scored=()
    for name in none always gated; do
        scored+=(--predictions "$out/$part-$name")
    done
    show "table-$part" eval --data-config "$config" --part "$part" "${scored[@]}"
done
