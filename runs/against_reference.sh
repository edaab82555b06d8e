#!/bin/sh
# `share run` against the reference's way to infer: same cases, same engine, same small base, same machine.
#
#     VLLM_PYTHON=/opt/vllm/bin/python runs/against_reference.sh CHECKOUT|--stand-in --base CHECKPOINT [--cases 64] …
#
# CHECKOUT is a checkout of quge2023/SHARE; with --stand-in a program of our own makes the same calls in the same order
# (runs/reference_stand_in.py says what it does and what not). `--help` says the rest, and what is and is not compared.
set -eu
here=$(dirname "$0")
PYTHONPATH=$here:$here/../src${PYTHONPATH:+:$PYTHONPATH} exec "${PYTHON:-.venv/bin/python}" "$here/against_reference.py" "$@"
