"""Spider: questions over databases of many domains (yale-lily.github.io/spider)."""

from __future__ import annotations

from share_sql.benchmarks.files import Benchmark, BenchmarkFiles, Fields, load


def load_spider(files: BenchmarkFiles) -> Benchmark:
    """Load Spider train or dev.

    A question's id is its position, as text (Spider gives none). Arguments, result and errors as
    `bird.load_bird`; the gold is `query`, and there is no evidence and no difficulty.
    """
    return load(files, Fields("spider", gold="query"))
