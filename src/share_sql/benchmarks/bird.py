"""BIRD: questions with outside knowledge over real databases (bird-bench.github.io)."""

from __future__ import annotations

from share_sql.benchmarks.files import Benchmark, BenchmarkFiles, Fields, load


def load_bird(files: BenchmarkFiles) -> Benchmark:
    """Load BIRD train, dev or mini-dev.

    A question's id is its `idx` where the file has one (the reference's run files go by it), else its
    `question_id`, else its position, as text. A question without a draft becomes a case with an empty
    one and a `problem` that says so.

    Args:
        files: where its files lie.

    Returns:
        Cases with gold (`SQL`), evidence and difficulty, and the databases.

    Raises:
        BenchmarkError: a file is missing or not of its kind, or the drafts are not of these questions.
    """
    return load(files, Fields("bird", gold="SQL"))
