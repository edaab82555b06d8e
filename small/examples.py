"""Examples as `share data` writes them, and as token ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from share_sql.models.base import Message
from share_sql.models.bases import chatml

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ids = NDArray[np.int32]
"""Token ids."""


_SPLITTERS = {
    "smollm": "",
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}
"""How a text is split before its pieces are encoded, by GGUF's name of it; empty: as GPT-2 does, digits
apart. Qwen2's pattern is that of its published tokenizer.json."""


@dataclass(frozen=True)
class Examples:
    """Prompts and the answers to learn."""

    prompts: list[Ids]
    answers: list[Ids]

    def __len__(self) -> int:
        return len(self.prompts)

    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example."""
        return np.array([len(p) + len(a) for p, a in zip(self.prompts, self.answers, strict=True)], np.int64)

    def take(self, which: Sequence[int]) -> Examples:
        """Those at these positions."""
        return Examples([self.prompts[i] for i in which], [self.answers[i] for i in which])


class Reader:
    """Texts to token ids and back, by the tokenizer that a GGUF file holds."""

    def __init__(self, tokenizer: Tokenizer, end: int) -> None:
        self.tokenizer = tokenizer
        self.end = end
        """The token that ends an answer."""

    @classmethod
    def of(cls, gguf_file: Path) -> Reader:
        """The tokenizer of SmolLM2's or Qwen2's file: byte-level BPE, each digit a token of its own.

        Raises ValueError where the file's tokenizer is of another kind.
        """
        import gguf
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

        fields = gguf.GGUFReader(gguf_file).fields

        def value(key: str) -> Any:
            return fields[f"tokenizer.ggml.{key}"].contents()

        if value("model") != "gpt2" or value("pre") not in _SPLITTERS:
            raise ValueError(f"{gguf_file} has a tokenizer of another kind; read are {', '.join(_SPLITTERS)}")
        tokens = value("tokens")
        merges = [tuple(pair.split(" ")) for pair in value("merges")]
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        pattern = _SPLITTERS[value("pre")]
        if pattern:
            split = pre_tokenizers.Split(Regex(pattern), "isolated")
            parts = [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        else:
            parts = [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
        tokenizer.decoder = decoders.ByteLevel()
        control = gguf.TokenType.CONTROL
        special = [token for token, kind in zip(tokens, value("token_type"), strict=True) if kind == control]
        tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
        return cls(tokenizer, value("eos_token_id"))

    def prompts(self, rows: Iterable[Mapping[str, str]]) -> list[Ids]:
        """The examples' prompts in the chat template, up to where the answer begins."""
        texts = []
        for row in rows:
            system = [Message("system", row["system"])] if row.get("system") else []
            texts.append(chatml([*system, Message("user", row["instruction"])]))
        return [np.array(each.ids, np.int32) for each in self.tokenizer.encode_batch(texts)]

    def examples(
        self, rows: Sequence[Mapping[str, str]], longest: int, *, ends: bool = True
    ) -> tuple[Examples, list[int]]:
        """Examples as token ids.

        Args:
            rows: with `instruction`, `output`, and `system` where there is one.
            longest: tokens; longer examples are left out.
            ends: whether the model is to learn where an answer ends.

        Returns:
            The examples, and the position in `rows` that each came from.
        """
        end = [self.end] if ends else []
        answers = [
            np.array([*each.ids, *end], np.int32)
            for each in self.tokenizer.encode_batch([row["output"] for row in rows])
        ]
        every = Examples(self.prompts(rows), answers)
        fitting = np.flatnonzero(every.lengths() <= longest).tolist()
        return every.take(fitting), fitting


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a `.json` file that `share data` wrote, or of a `.jsonl` file."""
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    assert isinstance(rows, list)
    return rows


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a `.jsonl` file, a line a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
