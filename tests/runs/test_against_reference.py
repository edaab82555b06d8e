"""`runs/against_reference.sh`: both sides are run to their ends, and their calls counted; no model is needed.

vLLM is a package made up here, with a server that takes time and writes words; the reference's checkout is a
script of the same place and arguments. Both are what the subject is run on, not what is tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CASES = 3
VLLM = '''
"""What of vLLM the reference's code uses."""
from dataclasses import dataclass, field

@dataclass
class SamplingParams:
    temperature: float = 1.0
    max_tokens: int = 16
    min_tokens: int = 0
    ignore_eos: bool = False

@dataclass
class Written:
    text: str
    token_ids: list

@dataclass
class Output:
    prompt_token_ids: list
    outputs: list
    num_cached_tokens: int = 0

class LLM:
    def __init__(self, model, **given):
        assert given["tensor_parallel_size"] == 1 and given["dtype"] == "bfloat16", given
        assert model.endswith("/base"), model

    def generate(self, prompts, sampling_params, use_tqdm=True):
        assert all(each.ignore_eos and each.min_tokens == each.max_tokens for each in sampling_params)
        return [
            Output([0] * (len(prompt) // 4), [Written("words", [0] * each.max_tokens)])
            for prompt, each in zip(prompts, sampling_params, strict=True)
        ]

    def chat(self, messages, sampling_params):
        return self.generate([each[-1]["content"] for each in messages], sampling_params)
'''
CHECKOUT = '''
"""A program with the place and the arguments of the reference's."""
import argparse, json, os
from openai import AzureOpenAI
from vllm import LLM, SamplingParams

parser = argparse.ArgumentParser()
for name in ("data_config_path", "input_sql_path", "bam_model_path", "sam_model_path", "lom_model_path"):
    parser.add_argument("--" + name)
parser.add_argument("--output_dir")
given = parser.parse_args()
config = json.load(open(given.data_config_path))
assert len(json.load(open(config["dev_data"]))) == len(json.load(open(given.input_sql_path)))
prompts = json.load(open("/fixed/place/prompts.json"))
os.makedirs(given.output_dir, exist_ok=True)
for stage in ("bam", "mask", "sam", "lom"):
    llm = LLM(model="/fixed/place/" + stage, tensor_parallel_size=4, max_model_len=8192)
    outputs = llm.generate(prompts[stage], SamplingParams(temperature=0, max_tokens=3000))
    assert all("```SR" in each.outputs[0].text for each in outputs), "the recorded texts"
client = AzureOpenAI(azure_endpoint="https://fixed.example", api_key="fixed", api_version="2024-02-01")
found = {}
for at, prompt in enumerate(prompts["generator"]):
    told = client.chat.completions.create(model="gpt", messages=[{"role": "user", "content": prompt}])
    found[str(at)] = told.choices[0].message.content + "\\t----- bird -----\\tshop"
found["0"] = ""
json.dump(found, open(os.path.join(given.output_dir, "final_sql.json"), "w"))
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder, a package `vllm`, a base and a checkout."""
    place = tmp_path_factory.mktemp("against")
    package = place / "fakes/vllm"
    for folder in (package / "entrypoints/openai", place / "checkout/src/infer", place / "base"):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text(VLLM)
    (place / "checkout/src/infer/run.py").write_text(CHECKOUT)
    (package / "entrypoints/openai/api_server.py").write_text(
        f"import runpy, sys\nsys.argv += ['--speed', '200']\n"
        f"runpy.run_path({str(ROOT / 'runs/simulated_vllm.py')!r}, run_name='__main__')\n"
    )
    code = "import sys; from pathlib import Path; from demo_recorded import write_demo_run; "
    code += "from recorded_cases import STEPS; write_demo_run(Path(sys.argv[1]), STEPS)"
    subprocess.run(
        [sys.executable, "-c", code, place / "data"],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'runs'}:{ROOT / 'src'}"}, check=True, timeout=120,
    )  # fmt: skip
    return place


def against(
    place: Path, out: Path, *arguments: str
) -> tuple[subprocess.CompletedProcess[str], Mapping[str, Any]]:
    """The script, and the figures that it wrote."""
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "VLLM_PYTHON": sys.executable,
        "VLLM_PYTHONPATH": str(place / "fakes"),
    }
    figures = out.with_suffix(".json")
    ran = subprocess.run(
        [
            "runs/against_reference.sh", *arguments, "--base", place / "base", "--data", place / "data",
            "--recorded", "demo", "--cases", str(CASES), "--out", out, "--json", figures,
        ],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert figures.is_file(), ran.stdout + ran.stderr
    return ran, json.loads(figures.read_text())


def test_the_stand_in_and_share_make_the_calls_that_they_say(place: Path, tmp_path: Path) -> None:
    ran, figures = against(place, tmp_path / "out", "--stand-in")
    stand_in, every, symbolic = figures["sides"]
    assert [side["name"] for side in figures["sides"]] == ["stand-in", "share, all", "share, symbolic"]
    assert [side["calls"] for side in figures["sides"]] == [4 * CASES, 4 * CASES, 2 * CASES]
    assert [side["generator_calls"] for side in figures["sides"]] == [CASES] * 3
    assert [side["lost"] for side in figures["sides"]] == [0, 0, 0]
    assert [side["unmatched"] for side in figures["sides"]] == [0, 0, 0]
    assert stand_in["completion_tokens"] == every["completion_tokens"] > symbolic["completion_tokens"] > 0
    assert ran.stdout.startswith("stand-in: a program of our own")
    # Times say nothing here, where the stand-in's engine takes none: that measure is missed, and told.
    assert ran.returncode == 1
    assert "NO   share, all: " in ran.stdout


def test_a_checkouts_fixed_places_are_set_from_outside(place: Path, tmp_path: Path) -> None:
    path = f"/fixed/place={tmp_path / 'out/inputs'}"
    given = [str(place / "checkout"), "--path", path, "--generator-seconds", "0.1"]
    ran, figures = against(place, tmp_path / "out", *given)
    reference, *shares = figures["sides"]
    assert reference["name"] == "reference"
    assert "stand-in" not in ran.stdout
    assert ran.stdout.startswith("the generator is a service elsewhere: 0.1 s")
    assert [side["generator_tokens"] for side in figures["sides"]] == [0, 0, 0]
    assert (reference["calls"], reference["generator_calls"], reference["unmatched"]) == (4 * CASES, CASES, 0)
    assert reference["lost"] == 1, "the script hands back no SQL for one case"
    assert [side["lost"] for side in shares] == [0, 0]


def test_what_is_no_checkout_is_told(place: Path, tmp_path: Path) -> None:
    command = ["runs/against_reference.sh", tmp_path, "--base", place / "base", "--out", tmp_path / "out"]
    environment = {**os.environ, "PYTHON": sys.executable}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.strip() == f"{tmp_path} has no src/infer/run.py; give a checkout of the reference"
