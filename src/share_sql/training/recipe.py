"""Training recipes: flat YAML as LLaMA-Factory takes it, `key: value` a line.

A recipe file says only what differs from the paper's settings. Nested values are refused: LLaMA-Factory's own
settings have none that a recipe here needs, and flat lines need no YAML library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from share_sql.errors import SettingsError

Value = str | int | float | bool

PAPER: Mapping[str, Value] = MappingProxyType(
    {
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 8,
        "lora_alpha": 16,
        "lora_target": "all",
        "cutoff_len": 6000,
        "learning_rate": 5.0e-5,
        "num_train_epochs": 6.0,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.1,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 8,
        "bf16": True,
        "logging_steps": 5,
        "save_steps": 200,
        "save_total_limit": 2,
        "plot_loss": False,
        "report_to": "none",
        "overwrite_cache": True,
        "seed": 42,
    }
)
"""The paper's settings (SHARE, appendix on implementation): rank, alpha, schedule, rate, epochs, cutoff."""

_LINE = re.compile(r"([A-Za-z_]\w*):(?:\s+(.*))?\Z")
_OURS = frozenset(
    ("model_name_or_path", "dataset", "dataset_dir", "output_dir", "resume_from_checkpoint", "use_cpu")
)
"""Settings that `share train` makes itself."""


def read_recipe(path: Path) -> dict[str, Value]:
    """A recipe's settings. Raises SettingsError that names the line at fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"there is no recipe {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"recipe {path} cannot be read: {error}") from None
    found: dict[str, Value] = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(?:^|\s)#.*", "", line).rstrip()
        if not bare or bare == "---":
            continue
        match = _LINE.match(bare)
        if not match or not match[2]:
            raise SettingsError(
                f"{path}:{number}: a recipe's line is `key: value`, not {line.strip()[:60]!r}"
            )
        if match[1] in _OURS:
            raise SettingsError(f"{path}:{number}: {match[1]} is set by `share train` itself; leave it out")
        found[match[1]] = _value(match[2].strip())
    return found


def _value(text: str) -> Value:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def recipe_text(settings: Mapping[str, Value]) -> str:
    """The settings as YAML; texts are quoted as in JSON, which YAML reads."""
    return "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else value}\n"
        for key, value in settings.items()
    )
