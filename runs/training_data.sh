#!/bin/sh
# Make the training data for BAM, SAM and LOM out of Spider train and BIRD train, without any model.
#
#     runs/training_data.sh [DATA] [OUT]
#
# DATA is a folder with `spider/` and `bird/` laid out as docs/results.md says (default: $SHARE_DATA, else
# ../shared/data). Only train questions are read. Spider's databases are used; BIRD train's too where
# DATA/bird/train/train_databases is there. Without them BIRD's queries are compared twice: by trajectory
# alone, to tell its figures, and on made-up databases, for the data. Prints how many gold queries have a
# proved trajectory, the counts of the paper's selection rule on BIRD's drafts, and the mix. OUT/ft_data is
# what LLaMA-Factory reads. About four minutes on two cores.
set -eu
data=${1:-${SHARE_DATA:-../shared/data}}
out=${2:-out/training}
share=${SHARE:-.venv/bin/share}
bird="$data/bird/train"
rm -rf "${out:?}/spider-train" "$out/bird-train" "$out/bird-by-trajectory" "$out/ft_data"
echo "== teacher: Spider train"
"$share" data teacher "$out/spider-train" --benchmark spider --questions "$data/spider/train.json" \
    --tables "$data/spider/tables.json" --databases "$data/spider/database" \
    --meanings "$data/spider/column_meaning.json"
echo "== teacher: BIRD train"
set -- --benchmark bird --questions "$bird/train.json" --tables "$bird/train_tables.json" \
    --meanings "$bird/column_meaning.json" --drafts "$bird/baseline_sql.json"
if [ -d "$bird/train_databases" ]; then
    set -- "$@" --databases "$bird/train_databases"
else
    echo "-- by trajectory alone"
    "$share" data teacher "$out/bird-by-trajectory" "$@"
    "$share" data lom "$out/bird-by-trajectory" --out "$out/bird-by-trajectory"
    set -- "$@" --made-up
    echo "-- on made-up databases"
fi
"$share" data teacher "$out/bird-train" "$@"
echo "== bam: gold of both"
"$share" data bam "$out/bird-train" "$out/spider-train" --out "$out/ft_data"
echo "== sam: BIRD's drafts, and Spider's gold made wrong in their proportions"
"$share" data sam "$out/bird-train" "$out/spider-train" --out "$out/ft_data"
echo "== lom: the same, by the paper's rule"
"$share" data lom "$out/bird-train" "$out/spider-train" --out "$out/ft_data"
echo "== mix"
"$share" data stats "$out/ft_data"
