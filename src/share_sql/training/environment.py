"""The training environment: LLaMA-Factory in a virtual environment of its own.

LLaMA-Factory pins older versions of what SHARE uses, so the two never share an environment; it is
started as a process. Only what training on text needs is installed: no web page, no audio, no video.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from share_sql.errors import SettingsError, TrainingError

VERSION = "0.9.5"
VARIABLE = "SHARE_TRAINING_ENV"
"""Names the folder of an environment of one's own."""
TORCH = "torch==2.13.0"
_FACTORY = f"llamafactory=={VERSION}"
_REQUIREMENTS = (
    "transformers>=4.55,<=5.6.0,!=4.57.0", "peft>=0.18.0,<=0.18.1", "trl>=0.18,<=0.24",
    "accelerate>=1.3,<=1.11.0", "datasets>=2.16,<=4.0.0", "gguf>=0.17",
    "einops", "fire", "numpy", "omegaconf", "packaging", "pandas", "protobuf", "pydantic", "pyyaml",
    "safetensors", "scipy", "sentencepiece", "tiktoken", "matplotlib", "hf-transfer",
)  # fmt: skip
"""What LLaMA-Factory's training of text needs, with its own bounds."""
_STUB = '"""Stands in for torchaudio, which LLaMA-Factory imports and training on text never uses."""\n'


@dataclass(frozen=True)
class Environment:
    """A virtual environment with LLaMA-Factory in it."""

    folder: Path

    @property
    def bin(self) -> Path:
        """Folder of its programs."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.bin / "python"

    @property
    def factory(self) -> Path:
        """`llamafactory-cli`."""
        return self.bin / "llamafactory-cli"


def default_environment() -> Path:
    """`$SHARE_TRAINING_ENV`, or a folder in the user's cache folder."""
    from share_sql.models.weights_file import models_cache

    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else models_cache().parent / "training" / f"llamafactory-{VERSION}"


def find_environment(folder: Path | None = None) -> Environment | None:
    """The environment in a folder (the default one where None); None where it is not there or unfinished."""
    environment = Environment((folder or default_environment()).absolute())
    return environment if environment.factory.is_file() else None


def make_environment(
    folder: Path | None = None, *, deepspeed: bool = False, say: Callable[[str], None] = lambda line: None
) -> Environment:
    """Find the environment, or make it: some minutes and 2 GB (6 GB with torch for GPUs).

    Args:
        folder: where; `default_environment()` where None.
        deepspeed: it must have DeepSpeed too, for several GPUs.
        say: called with a line for each step.

    Raises:
        TrainingError: pip failed; the message ends with its last line.
        SettingsError: the folder holds something else.
    """
    environment = find_environment(folder)
    if environment is None:
        environment = Environment((folder or default_environment()).absolute())
        if environment.folder.exists() and any(environment.folder.iterdir()):
            if not (environment.folder / "pyvenv.cfg").is_file():
                raise SettingsError(f"{environment.folder} is no virtual environment; name another folder")
            shutil.rmtree(environment.folder)  # one that was not finished
        say(f"making the training environment in {environment.folder}")
        _make_venv(environment.folder)
        for what in ((TORCH,), ("--no-deps", _FACTORY), _REQUIREMENTS):
            say(f"installing {what[-1] if len(what) < 3 else 'what it needs'}")
            _pip(environment, *what)
        _stub_audio(environment)
    if deepspeed and not any((environment.folder / "lib").glob("python*/site-packages/deepspeed")):
        say("installing deepspeed")
        _pip(environment, "deepspeed>=0.16")
    return environment


def _make_venv(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TrainingError(
            f"no virtual environment could be made in {folder} ({error}); "
            f"make one with LLaMA-Factory {VERSION} yourself and name it in {VARIABLE}"
        ) from None


def _pip(environment: Environment, *what: str) -> None:
    command = [
        str(environment.python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *what,
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        environment.factory.unlink(missing_ok=True)  # unfinished: made anew next time
        raise TrainingError(
            f"pip could not install {what[-1]} in {environment.folder} "
            f"({last_line(done.stderr, 'no reason given')[:200]}); check the connection and pip's index"
        )


def last_line(said: str, otherwise: str) -> str:
    """The last line of what a program said that is not blank, cut at 300 characters; else another text."""
    return next((line.strip()[:300] for line in reversed(said.splitlines()) if line.strip()), otherwise)


def _stub_audio(environment: Environment) -> None:
    """Let `import torchaudio` succeed; the real one drags in builds that do not fit every torch."""
    for packages in (environment.folder / "lib").glob("python*/site-packages"):
        if not (packages / "torchaudio").exists():
            (packages / "torchaudio").mkdir()
            (packages / "torchaudio" / "__init__.py").write_text(_STUB, encoding="utf-8")


def gpu_count() -> int:
    """How many NVIDIA GPUs `nvidia-smi` lists; 0 where there is no such program."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    done = subprocess.run([program, "-L"], capture_output=True, text=True, errors="replace", check=False)
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines()) if not done.returncode else 0


def checkpoint_of(weights: Path, environment: Environment) -> Path:
    """A Hugging Face checkpoint made of GGUF weights, in the cache folder; half a minute the first time.

    Raises TrainingError where the conversion fails.
    """
    from share_sql.models.weights_file import models_cache

    target = models_cache() / "checkpoints" / weights.stem
    if (target / "config.json").is_file():
        return target
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    script = Path(__file__).with_name("gguf_to_checkpoint.py")
    command = [str(environment.python), "-I", str(script), str(weights), str(part)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode or not (part / "config.json").is_file():
        last = last_line(done.stderr, sys.executable)
        raise TrainingError(f"{weights.name} could not be made a checkpoint: {last}")
    os.replace(part, target)
    return target
