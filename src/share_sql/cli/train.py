"""`share train`: one of the three models, with LLaMA-Factory as a process."""

from __future__ import annotations

from pathlib import Path

import click

from share_sql.cli.common import FILE, FOLDER, as_json
from share_sql.cli.terminal import print_json, progress_bar, say
from share_sql.models.bases import DEFAULT_BASE
from share_sql.models.roles import TRAINED_ROLES

EXAMPLES = """\b
Examples:
  share train sam --data ft_data --out models
  share train lom --base Qwen/Qwen2.5-Coder-7B-Instruct --data ft_data --out models --gpus 4
    --recipe qwen2.5-coder-7b.yaml --resume
"""


@click.command("train", epilog=EXAMPLES)
@click.argument("role", type=click.Choice(TRAINED_ROLES))
@click.option(
    "--base",
    default=DEFAULT_BASE,
    show_default=True,
    help="What to train: weights of `share models pull`, a checkpoint's folder, or a name on the Hub.",
)
@click.option("--data", type=FOLDER, required=True, help="Folder that `share data` wrote.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the models; ROLE is a folder in it.")
@click.option("--gpus", type=click.IntRange(min=0), help="GPUs to use; 0: the CPU.  [default: one, if any]")
@click.option("--recipe", type=FILE, help="YAML with settings that differ from the paper's.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint, if any.")
@click.option(
    "--environment",
    type=FOLDER,
    help="The training environment; made where it is not there.  [default: $SHARE_TRAINING_ENV, or a "
    "folder in the user's cache folder]",
)
@as_json
def command(
    role: str,
    base: str,
    data: Path,
    out: Path,
    gpus: int | None,
    recipe: Path | None,
    resume: bool,
    environment: Path | None,
    as_json: bool,
) -> None:
    """Train BAM, SAM or LOM as a LoRA adapter.

    Settings are the paper's (rank 8, alpha 16, cosine from 5e-5, 6 epochs, 6000 tokens) but for what the
    recipe says. LLaMA-Factory runs in an environment of its own, made on first use (minutes, 2 to 6 GB). The
    result is added to OUT/models.toml: use it with --models OUT/models.toml.
    """
    from share_sql.training.environment import gpu_count, make_environment
    from share_sql.training.recipe import read_recipe
    from share_sql.training.train import MODELS_FILE, Job, train

    told = read_recipe(recipe) if recipe else {}
    used = min(gpu_count(), 1) if gpus is None else gpus
    job = Job(role, base, data, out, used, told)
    ready = make_environment(
        environment,
        deepspeed=used > 1 and "deepspeed" in told,
        say=lambda line: say(line, err=True),
    )
    with progress_bar(f"training {role}") as progress:
        trained = train(job, ready, resume=resume, progress=progress)
    if as_json:
        print_json(
            {
                "role": role,
                "adapter": str(trained.adapter),
                "models": str(out / MODELS_FILE),
                "steps": trained.steps,
                "loss": trained.loss,
                "seconds": round(trained.seconds, 1),
            }
        )
        return
    loss = "" if trained.loss is None else f", last loss {trained.loss:.3f}"
    say(f"{role}: {trained.steps} steps{loss}. The adapter is in {trained.adapter}.")
    say(f"Use it with --models {out / MODELS_FILE}.")
