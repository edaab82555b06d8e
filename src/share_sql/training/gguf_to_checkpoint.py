"""A GGUF file to a Hugging Face checkpoint: `python gguf_to_checkpoint.py FILE.gguf FOLDER`.

Run as a script by the training environment's Python, or vLLM's, which have torch and transformers; nothing of
SHARE is imported. The weights are written in bfloat16.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Convert."""
    import torch
    import transformers  # type: ignore[import-not-found]
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    asked = {"gguf_file": source.name, "dtype": torch.float32}
    if hasattr(transformers, "GgufConfig"):  # newer ones leave the weights as they are unless they are told
        asked["quantization_config"] = transformers.GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(source.parent, **asked)
    # transformers takes the wrong token for the end of a text from this file's vocabulary.
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(model.config.eos_token_id)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(model.config.pad_token_id)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config  # the weights are plain now
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
