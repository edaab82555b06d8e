"""Training as a process: LLaMA-Factory is stood in for by a small program that writes what it would."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tomllib
from pathlib import Path

import pytest

from share_sql.errors import RunFolderError, SettingsError, TrainingError
from share_sql.models.bases import template_of
from share_sql.training.environment import Environment, find_environment
from share_sql.training.llamafactory import COLUMNS
from share_sql.training.recipe import PAPER, read_recipe, recipe_text
from share_sql.training.train import Job, last_checkpoint, read_progress, train

FACTORY = """#!{python}
import json, os, sys, time
from pathlib import Path

assert sys.argv[1:] == ["train", "train.yaml"], sys.argv
told = dict(line.split(": ", 1) for line in Path("train.yaml").read_text().splitlines())
Path("pid").write_text(str(os.getpid()))
Path("environment.json").write_text(json.dumps(dict(os.environ)))
out = Path(json.loads(told["output_dir"]))
start = 0
if "resume_from_checkpoint" in told:
    start = int(json.loads(told["resume_from_checkpoint"]).rpartition("-")[2])
how = Path(json.loads(told["dataset_dir"]), "how")
how = how.read_text() if how.exists() else ""
for step in range(start + 1, 5):
    with (out / "trainer_log.jsonl").open("a") as log:
        log.write(json.dumps({{"current_steps": step, "total_steps": 4, "loss": 1 / step}}) + "\\n")
    if step % 2 == 0:
        (out / f"checkpoint-{{step}}").mkdir(exist_ok=True)
        (out / f"checkpoint-{{step}}" / "trainer_state.json").write_text("{{}}")
    if how == "fail" and step == 3:
        sys.exit("CUDA error: out of memory")
    if how == "hang":
        time.sleep(60)
(out / "adapter_config.json").write_text("{{}}")
(out / "adapter_model.safetensors").write_text("")
(out / "all_results.json").write_text("{{}}")
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    folder = tmp_path / "an environment"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "llamafactory-cli"
    program.write_text(FACTORY.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    found = find_environment(folder)
    assert found is not None
    return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    data = tmp_path / "ft_data"
    data.mkdir()
    (data / "sam_train_data.json").write_text("[]", encoding="utf-8")
    info = {"sam_train_data": {"file_name": "sam_train_data.json", "columns": COLUMNS}}
    (data / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    return Job("sam", "hub/Qwen2.5-Coder-7B-Instruct", data, tmp_path / "my models", gpus=1)


def told(job: Job) -> dict[str, str]:
    lines = (job.folder / "train.yaml").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


def test_it_trains_and_registers(job: Job, environment: Environment) -> None:
    seen: list[tuple[int, int]] = []
    trained = train(job, environment, progress=lambda *steps: seen.append(steps))
    assert (trained.steps, trained.loss, trained.adapter) == (4, 0.25, job.folder)
    settings = told(job)
    assert settings["model_name_or_path"] == '"hub/Qwen2.5-Coder-7B-Instruct"'
    assert (settings["lora_rank"], settings["lora_alpha"], settings["cutoff_len"]) == ("8", "16", "6000")
    assert (settings["learning_rate"], settings["num_train_epochs"]) == ("5e-05", "6.0")
    assert settings["template"] == '"qwen"'
    assert settings["bf16"] == "true"
    models = tomllib.loads((job.out / "models.toml").read_text(encoding="utf-8"))["models"]
    assert models["sam"]["model"] == "sam"


def test_a_small_model_is_registered_for_this_process(
    job: Job, environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("share_sql.training.train.base_weights", lambda name: tmp_path / f"{name}.gguf")
    monkeypatch.setattr("share_sql.training.train.checkpoint_of", lambda weights, _: weights.with_suffix(""))
    small = Job("sam", "smollm2-135m", job.data, job.out)
    train(small, environment)
    assert told(small)["use_cpu"] == "true"
    assert told(small)["model_name_or_path"] == json.dumps(str(tmp_path / "smollm2-135m"))
    models = tomllib.loads((job.out / "models.toml").read_text(encoding="utf-8"))["models"]
    assert models == {"sam": {"kind": "embedded", "base": "smollm2-135m", "adapter": "sam"}}


def test_a_models_file_of_ones_own_is_kept(job: Job, environment: Environment) -> None:
    job.out.mkdir()
    own = '[models.generator]\nmodel = "x"  # mine\n\n[models.sam]\nmodel = "y"\n'
    (job.out / "models.toml").write_text(own, encoding="utf-8")
    train(job, environment)
    assert (job.out / "models.toml").read_text(encoding="utf-8") == own


def test_a_failure_names_the_log_and_resume_goes_on(job: Job, environment: Environment) -> None:
    (job.data / "how").write_text("fail", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"out of memory .*train\.log.*--resume"):
        train(job, environment)
    assert not (job.out / "models.toml").exists()
    (job.data / "how").unlink()
    with pytest.raises(RunFolderError, match="--resume"):
        train(job, environment)
    trained = train(job, environment, resume=True)
    assert told(job)["resume_from_checkpoint"] == json.dumps(str(job.folder / "checkpoint-2"))
    assert trained.steps == 4
    before = (job.folder / "trainer_log.jsonl").read_text(encoding="utf-8")
    assert train(job, environment, resume=True).steps == 4
    assert (job.folder / "trainer_log.jsonl").read_text(encoding="utf-8") == before


def test_an_interruption_ends_the_process(
    job: Job, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job.data / "how").write_text("hang", encoding="utf-8")

    def stop(_: int, __: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        train(job, environment, progress=stop)
    pid = int((job.folder / "pid").read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_several_gpus(job: Job, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    many = Job(job.role, job.base, job.data, job.out, 4, {"deepspeed": "zero2"})
    train(many, environment)
    seen = json.loads((many.folder / "environment.json").read_text(encoding="utf-8"))
    assert (seen["FORCE_TORCHRUN"], seen["NPROC_PER_NODE"]) == ("1", "4")
    assert seen["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    assert seen["PATH"].startswith(str(environment.bin))
    sharded = json.loads(Path(json.loads(told(many)["deepspeed"])).read_text(encoding="utf-8"))
    assert sharded["zero_optimization"]["stage"] == 2


def test_data_that_is_not_there(job: Job, environment: Environment) -> None:
    with pytest.raises(SettingsError, match="share data lom"):
        train(Job("lom", job.base, job.data, job.out), environment)
    with pytest.raises(SettingsError, match="no model that is trained"):
        train(Job("judge", job.base, job.data, job.out), environment)


def test_progress_of_a_log_that_is_being_written(tmp_path: Path) -> None:
    assert read_progress(tmp_path) == (0, 0, None)
    log = (
        '{"current_steps": 5, "total_steps": 9, "loss": 0.5}\n{"current_steps": 6, "total_steps": 9}\n{"curr'
    )
    (tmp_path / "trainer_log.jsonl").write_text(log, encoding="utf-8")
    assert read_progress(tmp_path) == (6, 9, 0.5)


def test_the_last_whole_checkpoint(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for name in ("checkpoint-9", "checkpoint-10", "checkpoint-11"):
        (tmp_path / name).mkdir()
        if name != "checkpoint-11":
            (tmp_path / name / "trainer_state.json").write_text("{}", encoding="utf-8")
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_recipes(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "# mine\nlora_rank: 64  # higher\nlearning_rate: 5.0e-4\nbf16: false\ntemplate: 'phi'\n", "utf-8"
    )
    found = read_recipe(path)
    assert found == {"lora_rank": 64, "learning_rate": 5e-4, "bf16": False, "template": "phi"}
    path.write_text(recipe_text({**PAPER, **found}), encoding="utf-8")
    assert read_recipe(path) == {**PAPER, **found}
    for text, word in (
        ("a:\n  b: 1\n", "key: value"), ("- x\n", "key: value"), ("output_dir: x\n", "leave it out")
    ):  # fmt: skip
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match=word):
            read_recipe(path)


def test_the_recipes_of_the_project_have_their_bases_chat_templates() -> None:
    folder = Path(__file__).resolve().parents[2] / "runs" / "recipes"
    recipes = sorted(folder.glob("*.yaml"))
    assert len(recipes) >= 4
    for recipe in recipes:
        (base,) = re.findall(r"--base (\S+)", recipe.read_text(encoding="utf-8"))
        assert read_recipe(recipe)["template"] == template_of(base) != "default"
