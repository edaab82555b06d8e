#!/usr/bin/env bash
# Per-case agreement of `share eval` with the official evaluation scripts, and how fast each is.
#
#   runs/against_official.sh MINI_DEV TEST_SUITE [OFFICIAL_PYTHON]
#
#   MINI_DEV         a checkout of bird-bench/mini_dev
#   TEST_SUITE       a checkout of taoyds/test-suite-sql-eval
#   OFFICIAL_PYTHON  an interpreter that has what those scripts import (func_timeout, psycopg2, pymysql,
#                    numpy, nltk with its punkt_tab data, sqlparse, tqdm); default: python3
#
# Data: $SHARE_DATA, else ../shared/data beside the project. The scripts run unchanged, on the same files,
# on the same processors; nothing of them is kept. The work takes some minutes; no network is needed.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -lt 2 ]; then
    sed -n '2,13s/^# \{0,1\}//p' "$0"
    exit 2
fi
exec .venv/bin/python runs/against_official.py \
    --mini-dev "$1" --test-suite "$2" --python "${3:-python3}" --data "${SHARE_DATA:-../shared/data}"
