#!/bin/sh
# Correct published drafts without any model, and say what came of it.
#
#     runs/no_model.sh [DATA] [OUT] [CONVENTIONS]
#
# Spider dev, BIRD dev and the corrected BIRD mini-dev of the recorded arcwise run, all generators, on the databases
# that are there. Prints, by set: right before and after, fixed, broken, as each benchmark defines execution accuracy.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/no_model}
conventions=${3:-benchmark}
share=${SHARE:-.venv/bin/share}
mkdir -p "$out"
"${PYTHON:-.venv/bin/python}" runs/make_cases.py "$data" "$out"
correct() { # name, benchmark, questions, drafts, tables, databases, meanings
    rm -rf "${out:?}/$1"
    "$share" run --benchmark "$2" --questions "$3" --tables "$5" --databases "$6" --meanings "$7" \
        --drafts "$4" --out "$out/$1" --models none \
        --conventions "$conventions"
    echo "== $1"
    "$share" eval --benchmark "$2" --questions "$3" --tables "$5" --databases "$6" \
        --predictions "$out/$1/final_sql.json" --drafts "$4" --metrics ex,strict
}
for path in "$data"/spider/drafts/*.json; do
    correct "spider-$(basename "$path" .json)" spider "$data/spider/dev.json" "$path" \
        "$data/spider/tables.json" "$data/spider/database" "$data/spider/column_meaning.json"
done
bird=$data/bird/dev
for path in "$bird"/drafts/*.json; do
    correct "bird-$(basename "$path" .json)" bird "$out/bird_dev.json" "$path" \
        "$bird/dev_tables.json" "$bird/dev_databases" "$bird/column_meaning.json"
done
correct bird-arcwise-gpt-5.2 bird "$out/bird_arcwise.json" "$data/recorded/arcwise-gpt-5.2/baseline_sql.json" \
    "$bird/dev_tables.json" "$bird/dev_databases" "$bird/column_meaning.json"
