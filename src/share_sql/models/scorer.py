"""The scorer: of a question and a change to its draft, how likely the change is right and the draft wrong.

A small cross-encoder in ONNX, computed by onnxruntime on the CPU. Pairs are computed one at a time: on few
cores a batch of them is no faster, and a pair's score is the same, bit for bit, whatever else is asked.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from share_sql.errors import ModelUnavailable, SettingsError
from share_sql.models.weights_file import checksum

WEIGHTS = "model.onnx"
TOKENIZER = "tokenizer.json"
LONGEST = 384
"""Tokens of both texts together, as in training; of what is longer, the longer text loses its end."""
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class Scorer:
    """A cross-encoder in this process; may be used from many threads at once."""

    def __init__(self, folder: str | Path) -> None:
        """Look at the files; they are loaded when the first pair is scored (half a second).

        Args:
            folder: holds model.onnx and tokenizer.json, as `runs/small/export_scorer.py` writes them.

        Raises:
            SettingsError: a file is missing, or onnxruntime or tokenizers is not installed.
        """
        from importlib.util import find_spec

        self._folder = Path(folder)
        for package in ("onnxruntime", "tokenizers"):
            if find_spec(package) is None:
                raise SettingsError(
                    f"the scorer needs the package {package}; install it, or use --scorer none"
                )
        for file in (WEIGHTS, TOKENIZER):
            if not (self._folder / file).is_file():
                raise SettingsError(
                    f"{self._folder} holds no scorer: there is no {file}; name another folder, or use "
                    "--scorer none"
                )
        self.name = f"scorer-{checksum(self._folder / WEIGHTS)[:12]}"
        """Tells the weights apart: changes when scores may change."""
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Natural log-odds that a change is right and the draft wrong; one number a pair.

        Args:
            pairs: question and change, in the words the scorer was trained on.

        Raises:
            SettingsError: the files are damaged, or not a scorer's.
            ModelUnavailable: the engine failed, e.g. for lack of memory.
        """
        if not pairs:
            return []
        session, tokenizer = self._load()
        return [self._score(session, tokenizer.encode(first, second)) for first, second in pairs]

    def __repr__(self) -> str:
        return f"Scorer({str(self._folder)!r})"

    def _score(self, session: Any, tokens: Any) -> float:
        import numpy as np

        rows = (tokens.ids, tokens.attention_mask, tokens.type_ids)
        given = {name: np.array([row], dtype=np.int64) for name, row in zip(_INPUTS, rows, strict=True)}
        try:
            (logits,) = session.run(["logits"], given)
        except Exception as error:  # onnxruntime's own errors stand under no common one
            raise ModelUnavailable(f"the scorer {self._folder} failed: {_one_line(error)}") from None
        return float(logits.reshape(-1)[0])

    def _load(self) -> tuple[Any, Any]:
        """The session and the tokenizer, loaded once."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _session(self._folder / WEIGHTS), _tokenizer(self._folder / TOKENIZER)
            return self._loaded


def _session(path: Path) -> Any:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = 3  # errors only: they are raised anyway
    # Threads that wait would otherwise keep the cores from databases and other models.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors stand under no common one
        raise SettingsError(f"{path} cannot be loaded: {_one_line(error)}; get the file anew") from None
    taken, given = ([each.name for each in side] for side in (session.get_inputs(), session.get_outputs()))
    if set(taken) != set(_INPUTS) or given != ["logits"]:
        raise SettingsError(f"{path} is no scorer; `runs/small/export_scorer.py` writes one")
    return session


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises Exception itself
        raise SettingsError(f"{path} cannot be loaded: {_one_line(error)}; get the file anew") from None
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    return tokenizer


def usable_cores() -> int:
    """Cores that this process may use: the machine's, bounded by its affinity and its control group's quota.

    The quota is cgroup v2's `cpu.max` (Linux, Documentation/admin-guide/cgroup-v2.rst): microseconds that may
    be used, and of how many.
    """
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no such file, or no bound: "max"
    return max(1, cores)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
