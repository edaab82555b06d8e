"""The benchmarks: BENCHMARKS names each. A new one is a file like bird.py, and its entry here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from share_sql.benchmarks.benchmark import Benchmark
from share_sql.benchmarks.bird import BIRD
from share_sql.benchmarks.spider import SPIDER

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType({each.name: each for each in (BIRD, SPIDER)})

LEVELS = tuple(level for benchmark in BENCHMARKS.values() for level in benchmark.levels)
"""All difficulties, in the order they are reported."""
