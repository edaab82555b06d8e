#!/bin/sh
# Put a recorded run of the published 8B models behind the judge, without any model.
#
#     runs/recorded_judge.sh [DATA] [OUT]
#
# The recorded GPT-4o run over BIRD dev, on the databases that are there, under each policy: `always` is what
# the reference does, `gated` the judge, `scored` the judge with the shipped scorer (`share models pull` first). Then the
# same with the repairs alone, for comparison.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/recorded_judge}
share=${SHARE:-.venv/bin/share}
mkdir -p "$out"
"${PYTHON:-.venv/bin/python}" runs/make_cases.py "$data" "$out"
bird="--questions $out/bird_dev.json --tables $data/bird/dev/dev_tables.json \
    --databases $data/bird/dev/dev_databases"
drafts=$data/bird/dev/drafts/gpt-4o.json
recorded=$(cd "$data/recorded/bird-gpt-4o" && pwd)
for role in bam mask sam generator; do
    printf '[models.%s]\nkind = "recorded"\nfolder = "%s"\n' "$role" "$recorded"
done > "$out/scored.toml"
printf '[models.scorer]\nkind = "embedded"\nadapter = "shipped"\n[cache]\npath = "answers.sqlite"\n' >> "$out/scored.toml"
for policy in always errors gated scored none; do
    models=recorded:$data/recorded/bird-gpt-4o
    chosen=$policy
    if [ "$policy" = scored ]; then
        models=$out/scored.toml
        chosen=gated
    fi
    if [ "$policy" = none ]; then
        models=none
        chosen=gated
    fi
    rm -rf "${out:?}/$policy"
    # shellcheck disable=SC2086 - the paths of a benchmark's files hold no space
    "$share" run --benchmark bird $bird --meanings "$data/bird/dev/column_meaning.json" \
        --drafts "$drafts" --out "$out/$policy" --models "$models" --policy "$chosen"
    echo "== $policy"
    # shellcheck disable=SC2086
    "$share" eval --benchmark bird $bird --predictions "$out/$policy/final_sql.json" --drafts "$drafts" \
        --metrics ex,strict
done
