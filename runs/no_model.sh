#!/bin/sh
# Correct published drafts without any model, and say what came of it.
#
#     runs/no_model.sh [DATA] [OUT]
#
# Spider dev (five generators) and BIRD dev (three) on the databases that are there. Prints, by set: right
# before and after, fixed, broken, as each benchmark defines execution accuracy.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/no_model}
share=${SHARE:-.venv/bin/share}
mkdir -p "$out"
"${PYTHON:-.venv/bin/python}" runs/make_cases.py "$data" "$out"
for path in "$data"/spider/drafts/*.json; do
    name=spider-$(basename "$path" .json)
    rm -rf "${out:?}/$name"
    "$share" run --benchmark spider --questions "$data/spider/dev.json" --tables "$data/spider/tables.json" \
        --databases "$data/spider/database" --meanings "$data/spider/column_meaning.json" \
        --drafts "$path" --out "$out/$name" --models none
    echo "== $name"
    "$share" eval --benchmark spider --questions "$data/spider/dev.json" --tables "$data/spider/tables.json" \
        --databases "$data/spider/database" --predictions "$out/$name/final_sql.json" --drafts "$path" \
        --metrics ex,strict
done
for path in "$data"/bird/dev/drafts/*.json; do
    name=bird-$(basename "$path" .json)
    rm -rf "${out:?}/$name"
    "$share" run --benchmark bird --questions "$out/bird_dev.json" --tables "$data/bird/dev/dev_tables.json" \
        --databases "$data/bird/dev/dev_databases" --meanings "$data/bird/dev/column_meaning.json" \
        --drafts "$path" --out "$out/$name" --models none
    echo "== $name"
    "$share" eval --benchmark bird --questions "$out/bird_dev.json" --tables "$data/bird/dev/dev_tables.json" \
        --databases "$data/bird/dev/dev_databases" --predictions "$out/$name/final_sql.json" --drafts "$path" \
        --metrics ex,strict
done
