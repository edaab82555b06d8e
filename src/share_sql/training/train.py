"""Train one of the three models with LLaMA-Factory, as a process of its own.

DIR/models.toml            the trained models, for `--models DIR/models.toml`
DIR/<role>/train.yaml      the settings that LLaMA-Factory got
DIR/<role>/train.log       what it said
DIR/<role>/checkpoint-N    to go on from
DIR/<role>/adapter_*       the LoRA adapter
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from share_sql.child_process import ends_with_block
from share_sql.errors import RunFolderError, SettingsError, TrainingError
from share_sql.models.bases import has_weights, template_of
from share_sql.models.lora import is_adapter
from share_sql.models.roles import TRAINED_ROLES
from share_sql.models.weights_file import base_weights
from share_sql.training.asking import write_whole
from share_sql.training.environment import Environment, checkpoint_of, last_line
from share_sql.training.llamafactory import INFO, data_name
from share_sql.training.recipe import PAPER, Value, recipe_text

MODELS_FILE = "models.toml"
_DEEPSPEED = {
    "zero2": {"stage": 2, "overlap_comm": True, "contiguous_gradients": True},
    "zero3": {"stage": 3, "overlap_comm": True, "stage3_gather_16bit_weights_on_model_save": True},
}
_POLL_SECONDS = 0.5

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """What is to be trained."""

    role: str
    """One of TRAINED_ROLES."""
    base: str
    """A name in BASES that has weights, a checkpoint's folder, or a name on the Hub."""
    data: Path
    """Folder with dataset_info.json."""
    out: Path
    """Folder for all roles; this one's is below it."""
    gpus: int = 0
    """0 trains on the CPU."""
    recipe: Mapping[str, Value] | None = None
    """Settings that differ from the paper's."""

    @property
    def folder(self) -> Path:
        """This role's folder."""
        return self.out / self.role


@dataclass(frozen=True)
class Trained:
    """What came of it."""

    adapter: Path
    steps: int
    loss: float | None
    """The last that was logged."""
    seconds: float


def train(
    job: Job, environment: Environment, *, resume: bool = False, progress: Progress | None = None
) -> Trained:
    """Train, and register the adapter in `models.toml`.

    Args:
        job: what.
        environment: with LLaMA-Factory.
        resume: go on from the last checkpoint, if any; a training that is finished is left as it is.
        progress: called with the steps done and their total.

    Raises:
        SettingsError: the data, the base or the recipe cannot be used.
        RunFolderError: the folder holds a training and `resume` is False, or it cannot be written.
        TrainingError: LLaMA-Factory ended with an error; the message holds its last line and names the log.
    """
    if job.role not in TRAINED_ROLES:
        raise SettingsError(f"{job.role!r} is no model that is trained; they are {', '.join(TRAINED_ROLES)}")
    started = time.monotonic()
    checkpoint = last_checkpoint(job.folder)
    finished = is_adapter(job.folder) and (job.folder / "all_results.json").is_file()
    if (checkpoint or finished) and not resume:
        raise RunFolderError(
            f"{job.folder} holds a training already; go on with --resume, or name another folder"
        )
    if not finished:
        _check_data(job)
        try:
            job.folder.mkdir(parents=True, exist_ok=True)
            text = recipe_text(settings(job, environment, checkpoint))
            (job.folder / "train.yaml").write_text(text, encoding="utf-8")
        except OSError as error:
            raise RunFolderError(f"{job.folder} cannot be written: {error.strerror or error}") from None
        _run(job, environment, progress)
        if not is_adapter(job.folder) and (job.recipe or {}).get("finetuning_type", "lora") == "lora":
            raise TrainingError(f"LLaMA-Factory left no adapter in {job.folder}; its log is train.log there")
    register(job)
    steps, _, loss = read_progress(job.folder)
    return Trained(job.folder, steps, loss, time.monotonic() - started)


def settings(job: Job, environment: Environment, checkpoint: Path | None = None) -> dict[str, Value]:
    """All settings that LLaMA-Factory is given: the paper's, then the recipe's, then the call's."""
    chosen: dict[str, Value] = {**PAPER, "template": template_of(job.base), **(job.recipe or {})}
    sharding = chosen.pop("deepspeed", None)
    if job.gpus > 1 and sharding is not None:
        chosen["deepspeed"] = str(_deepspeed(job.folder, str(sharding)))
    if job.gpus == 0:
        chosen |= {"use_cpu": True, "bf16": False, "disable_gradient_checkpointing": True}
    base = job.base
    if has_weights(base):
        base = str(checkpoint_of(base_weights(base), environment))
    elif Path(base).is_dir():
        base = str(Path(base).absolute())
    chosen |= {
        "model_name_or_path": base,
        "dataset": data_name(job.role),
        "dataset_dir": str(job.data.absolute()),
        "output_dir": str(job.folder.absolute()),
    }
    if checkpoint is not None:
        chosen["resume_from_checkpoint"] = str(checkpoint.absolute())
    return chosen


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the most steps that was written to its end; None where there is none."""
    found = [
        path for path in folder.glob("checkpoint-*")
        if path.name.removeprefix("checkpoint-").isdecimal() and (path / "trainer_state.json").is_file()
    ]  # fmt: skip
    return max(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def read_progress(folder: Path) -> tuple[int, int, float | None]:
    """Steps done, steps in all and the last loss, from LLaMA-Factory's trainer_log.jsonl.

    Before there is one: 0, 0 and None.
    """
    steps, total, loss = 0, 0, None
    try:
        lines = (folder / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return steps, total, loss  # not written yet
    for line in lines:
        try:
            state = json.loads(line)
            steps, total = int(state["current_steps"]), int(state["total_steps"])
            loss = float(state["loss"]) if "loss" in state else loss
        except (ValueError, KeyError, TypeError):
            continue  # a line that is being written
    return steps, total, loss


def register(job: Job) -> Path:
    """Add the trained model to `models.toml`, unless a table for the role is there."""
    path = job.out / MODELS_FILE
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        known = tomllib.loads(text).get("models", {})
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML ({error}); mend or delete it") from None
    if job.role in known:
        return path
    if has_weights(job.base):
        table = f'kind = "embedded"\nbase = {json.dumps(job.base)}\nadapter = {json.dumps(job.role)}\n'
    else:
        table = (
            f"# Serve it, e.g. with vLLM: --enable-lora --lora-modules {job.role}={job.folder}\n"
            f'base_url = "http://localhost:8000/v1"\nmodel = "{job.role}"\n'
        )
    parted = f"{text.rstrip()}\n\n" if text.strip() else ""
    write_whole(path, f"{parted}[models.{job.role}]\n{table}")
    return path


def _check_data(job: Job) -> None:
    try:
        info = json.loads((job.data / INFO).read_text(encoding="utf-8"))
        file = job.data / info[data_name(job.role)]["file_name"]
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            f"{job.data} holds no training data for {job.role}; make it with `share data {job.role}`"
        ) from None
    if not file.is_file():
        raise SettingsError(
            f"{job.data / INFO} names {file.name}, which is not there; run `share data {job.role}`"
        )


def _deepspeed(folder: Path, sharding: str) -> Path:
    """Write DeepSpeed's settings; `auto` has them filled in from the recipe (transformers' integration)."""
    if sharding not in _DEEPSPEED:
        raise SettingsError(f"deepspeed: {sharding} is unknown; give {' or '.join(_DEEPSPEED)}")
    path = folder.absolute() / "deepspeed.json"
    state = {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "bf16": {"enabled": "auto"},
        "zero_optimization": _DEEPSPEED[sharding],
    }
    path.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    return path


def _run(job: Job, environment: Environment, progress: Progress | None) -> None:
    """Start `llamafactory-cli train` and wait for it; it ends with us."""
    variables = dict(os.environ)
    variables["PATH"] = f"{environment.bin}{os.pathsep}{variables.get('PATH', '')}"
    variables |= {"PYTHONNOUSERSITE": "1", "TOKENIZERS_PARALLELISM": "false"}
    variables.pop("PYTHONPATH", None)
    if job.gpus > 0:
        variables.setdefault("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(job.gpus))))
    if job.gpus > 1:
        variables |= {"FORCE_TORCHRUN": "1", "NPROC_PER_NODE": str(job.gpus)}
    log = job.folder / "train.log"
    with log.open("ab") as said:
        # Started in its folder with a bare name: LLaMA-Factory's launcher splits its arguments at spaces.
        try:
            process = subprocess.Popen(
                [str(environment.factory), "train", "train.yaml"],
                cwd=job.folder, env=variables, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise TrainingError(
                f"{environment.factory} cannot be started: {error.strerror or error}"
            ) from None
        with ends_with_block(process):
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
                if progress is not None:
                    steps, total, _ = read_progress(job.folder)
                    if total:
                        progress(steps, total)
    if process.returncode:
        last = last_line(log.read_text("utf-8", "replace"), "it said nothing")
        raise TrainingError(
            f"LLaMA-Factory ended with {process.returncode}: {last} (all of it in {log}); "
            "mend the cause and go on with --resume"
        )
