"""The reference's code, as it is, on one CPU: what it has fixed in its files is set from outside.

    VLLM_PYTHON runs/reference_outside.py SETTINGS.json SCRIPT [ARGUMENT ...]

Runs a script in this process, after these have been put in their places:

vllm.LLM        the base and the engine's arguments are those of SETTINGS, whatever the script says, so that a
                path that is not here and `tensor_parallel_size` do not matter
its generate,   each answer is forced to the recorded one's length, and has its text (`forced_answers.py`);
and chat        calls, tokens and seconds go into the log
openai          every client speaks to SETTINGS' server, whatever address, key and kind (Azure's, and that of
                openai before 1.0, too) the script fixes
open            paths that begin as SETTINGS' `paths` say are looked for elsewhere

Nothing of the script is read or changed. It runs in vLLM's environment, so only the standard library,
vllm and openai are used.
"""

from __future__ import annotations

import builtins
import copy
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forced_answers import Answers, log, read_answers

ASKED = ("generate", "chat")
"""What engines are asked by."""


def set_engine(settings: Mapping[str, Any], answers: Answers) -> None:
    """Have every `vllm.LLM` be the same engine, with forced answers."""
    from vllm import LLM

    notes = Path(settings["log"])
    load = LLM.__init__

    def loaded(self: Any, model: str = "", *args: Any, **given: Any) -> None:
        began = time.monotonic()
        load(self, settings["base"], *args, **{**given, **settings["engine"]})
        log(notes, {"event": "load", "asked": str(model), "seconds": time.monotonic() - began})

    changed = {"__init__": loaded} | {name: _forced(getattr(LLM, name), answers, notes) for name in ASKED}
    for name, method in changed.items():
        setattr(LLM, name, method)


def _forced(call: Callable[..., Any], answers: Answers, notes: Path) -> Callable[..., Any]:
    """One of LLM's ways to be asked, with forced answers. One way may stand on the other: what it asks is
    forced and counted once."""

    def forced(self: Any, prompts: Any = None, sampling_params: Any = None, *args: Any, **given: Any) -> Any:
        if getattr(self, "forcing", False):
            return call(self, prompts, sampling_params, *args, **given)
        prompts = given.pop("messages", given.pop("prompts", prompts))
        first = prompts[0] if isinstance(prompts, list) and prompts else None
        if isinstance(prompts, str | dict) or (isinstance(first, dict) and "role" in first):
            prompts = [prompts]
        found = [answers.find(_text(self, prompt)) for prompt in prompts]
        asked = sampling_params or self.get_default_sampling_params()
        each = list(asked) if isinstance(asked, list | tuple) else [asked] * len(prompts)
        each = [
            _with(one, answer.sampling()) if answer else one for one, answer in zip(each, found, strict=True)
        ]
        began = time.monotonic()
        self.forcing = True
        try:
            outputs = call(self, prompts, each, *args, **given)
        finally:
            self.forcing = False
        log(
            notes,
            {
                "event": "batch",
                "roles": sorted({answer.role for answer in found if answer}),
                "calls": len(prompts),
                "unmatched": found.count(None),
                "seconds": time.monotonic() - began,
                "prompt_tokens": sum(len(one.prompt_token_ids or ()) for one in outputs),
                "cached_tokens": sum(one.num_cached_tokens or 0 for one in outputs),
                "completion_tokens": sum(len(out.token_ids) for one in outputs for out in one.outputs),
            },
        )
        for one, answer in zip(outputs, found, strict=True):
            for out in one.outputs if answer else ():
                out.text = answer.text
        return outputs

    return forced


def _with(asked: Any, settings: Mapping[str, Any]) -> Any:
    changed = copy.deepcopy(asked)
    for name, value in settings.items():
        setattr(changed, name, value)
    return changed


def _text(llm: Any, prompt: Any) -> str:
    """What a prompt says: a text, a chat, or tokens."""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, list):
        return "\n".join(str(message["content"]) for message in prompt)
    if "prompt" in prompt:
        return str(prompt["prompt"])
    return str(llm.get_tokenizer().decode(prompt["prompt_token_ids"]))


def set_client(url: str) -> None:
    """Have every client of openai speak to one server."""
    import openai

    init = openai.OpenAI.__init__

    def connected(self: Any, *_: Any, **given: Any) -> None:
        kept = {name: given[name] for name in ("timeout", "max_retries") if name in given}
        init(self, base_url=url, api_key="none", **kept)

    class Fields(dict[str, Any]):
        """An answer of openai before 1.0: read by name and by key."""

        __getattr__ = dict.__getitem__

    class Completions:
        """`openai.ChatCompletion`, as it was before 1.0."""

        @staticmethod
        def create(engine: str = "", model: str = "", **asked: Any) -> Any:
            """Ask the server."""
            told = openai.OpenAI().chat.completions.create(model=model or engine, **asked)
            return json.loads(told.model_dump_json(), object_hook=Fields)

    changes = (
        (openai.OpenAI, "__init__", connected),
        (openai, "AzureOpenAI", openai.OpenAI),
        (openai, "ChatCompletion", Completions),
    )
    for owner, name, stand_in in changes:
        setattr(owner, name, stand_in)


def set_paths(paths: Mapping[str, str]) -> None:
    """Have `open` look elsewhere for paths that begin so."""
    given = builtins.open

    def opened(file: Any, *args: Any, **others: Any) -> Any:
        if isinstance(file, str):
            start = next((old for old in paths if file.startswith(old)), None)
            file = file if start is None else paths[start] + file[len(start) :]
        return given(file, *args, **others)

    if paths:
        builtins.open = opened


def main() -> None:
    """Set all that, and run the script."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    script = Path(sys.argv[2])
    sys.argv = sys.argv[2:]
    sys.path[:0] = [str(script.resolve().parent), *settings["import_from"]]
    set_engine(settings, read_answers(Path(settings["answers"])))
    set_client(settings["generator"])
    set_paths(settings["paths"])
    # The main module stays this one: what vLLM spawns imports that again, which is harmless here, where a
    # script without a guard would start from its beginning.
    code = compile(script.read_text(encoding="utf-8"), str(script), "exec")
    exec(code, {"__name__": "__main__", "__file__": str(script)})


if __name__ == "__main__":
    main()
