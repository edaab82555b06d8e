from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import BenchmarkError, RunFolderError
from share_sql.models.scripted import ScriptedModel
from share_sql.prompts.library import load_prompts
from share_sql.training.datasets import Making, Material, make_dataset, measured_profile
from share_sql.training.drafts import look_at_drafts
from share_sql.training.error_profile import ErrorProfile
from share_sql.training.llamafactory import INFO, save
from share_sql.training.sources import Source
from share_sql.training.stats import data_stats, drawn
from share_sql.training.teacher import teach

from .conftest import CASES, Make


def material(source: Source, folder: Path, **models: Any) -> Material:
    rows = {row.id: row for row in teach(source, folder)}
    made = Material(source, rows)
    if made.has_drafts:
        made.drafts = look_at_drafts(source, folder, models=models, prompts=load_prompts())
    return made


def making(**options: Any) -> Making:
    return Making(load_prompts(), **options)


@pytest.mark.parametrize("role", ["bam", "sam", "lom"])
@pytest.mark.parametrize("drafts", [True, False])
def test_every_case_is_an_example_or_left_out_with_a_cause(
    make_source: Make, tmp_path: Path, role: str, drafts: bool
) -> None:
    dataset = make_dataset(role, [material(make_source(drafts=drafts), tmp_path / "d")], making())
    ids = {example.id for example in dataset.examples} | {each.id for each in dataset.left_out}
    assert ids == {case["id"] for case in CASES}
    assert all(each.cause for each in dataset.left_out)
    assert {example.source for example in dataset.examples} == {"shop"}


def test_bam_learns_sql_to_trajectory(make_source: Make, tmp_path: Path) -> None:
    dataset = make_dataset("bam", [material(make_source(), tmp_path / "d")], making())
    first = dataset.examples[0]
    assert CASES[0]["gold"] in first.instruction
    assert first.output == (
        "```SR\ndf1 = df.where(element = store.city, filter = 'Bonn')\nres = df1.select(store.name)\n```"
    )
    assert first.system
    assert first.proof == "rows"


def test_a_drafter_learns_from_the_question_and_the_values_it_names(
    make_source: Make, tmp_path: Path
) -> None:
    made = material(make_source(), tmp_path / "d")
    dataset = make_dataset("drafter", [made], Making(load_prompts("brief"), "proved"))
    first = dataset.examples[0]
    assert "store(" in first.instruction
    assert "Values: store.city 'Bonn'\n" in first.instruction
    assert CASES[0]["question"] in first.instruction
    assert first.output == CASES[0]["gold"]


def test_a_drafter_does_not_learn_what_finds_nothing(make_source: Make, tmp_path: Path) -> None:
    cases = [{**CASES[0], "gold": "SELECT name FROM store WHERE city = 'Rome'"}, CASES[2]]
    made = material(make_source(cases), tmp_path / "d")
    dataset = make_dataset("drafter", [made], Making(load_prompts("coder"), "proved"))
    assert [example.id for example in dataset.examples] == ["3"]
    assert dataset.left_out[0].cause == "its gold finds nothing"


def test_sam_learns_to_fill_the_draft_s_masked_trajectory(make_source: Make, tmp_path: Path) -> None:
    dataset = make_dataset("sam", [material(make_source(), tmp_path / "d")], making())
    examples = {example.id: example for example in dataset.examples}
    assert {name: example.kind for name, example in examples.items()} == {
        "1": "right draft",
        "2": "wrong draft",
        "3": "wrong draft",
    }
    assert "df1 = df.where(element = [MASK], filter = 'Bonn')" in examples["1"].instruction
    assert "### Table: sale" in examples["1"].instruction
    assert "store.city" in examples["1"].output
    assert examples["2"].errors == ("condition-literal",)
    assert examples["2"].edits == "substitute where"


def test_lom_follows_the_paper_s_rule(make_source: Make, tmp_path: Path) -> None:
    dataset = make_dataset("lom", [material(make_source(), tmp_path / "d")], making())
    examples = {example.id: example for example in dataset.examples}
    causes = {each.id: each.cause for each in dataset.left_out}
    # The draft is right: gold is made wrong. It is wrong with the right schema: it is itself the input.
    assert examples["1"].kind == "perturbed"
    assert examples["1"].errors
    assert examples["2"].kind == "wrong draft"
    assert "filter = '> 5'" in examples["2"].instruction
    assert "filter = '> 6'" in examples["2"].output
    assert causes["3"] == "the draft's schema is wrong"
    assert "no trajectory" in causes["4"]
    assert "no proved" in causes["5"]


def test_perturbed_inputs_give_other_rows(make_source: Make, tmp_path: Path) -> None:
    source = make_source(drafts=False)
    dataset = make_dataset("lom", [material(source, tmp_path / "d")], making())
    assert {example.kind for example in dataset.examples} == {"perturbed"}
    assert {example.wrong_by for example in dataset.examples} == {"rows"}


def test_text_in_double_quotes_is_made_wrong_as_text(make_source: Make, tmp_path: Path) -> None:
    cases = [
        {"id": city, "question": "?", "gold": f'SELECT name FROM store WHERE city = "{city}"'}
        for city in ("Bonn", "Jena")
    ]
    made = material(make_source(cases, drafts=False), tmp_path / "d")
    profile = ErrorProfile({"condition-literal": 1}, {1: 1})
    examples = make_dataset("lom", [made], making(profile=profile)).examples
    assert [example.errors for example in examples] == [("condition-literal",)] * 2
    assert [example.edits for example in examples] == ["substitute where"] * 2


def test_without_a_database_drafts_are_judged_by_trajectory(make_source: Make, tmp_path: Path) -> None:
    dataset = make_dataset("lom", [material(make_source(live=False), tmp_path / "d")], making())
    assert {example.id: example.kind for example in dataset.examples} == {
        "1": "perturbed",
        "2": "wrong draft",
    }
    assert {example.wrong_by for example in dataset.examples} == {"trajectory"}


def test_unchanged_examples_come_beside_perturbed_ones(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(drafts=False), tmp_path / "d")
    dataset = make_dataset("lom", [made], making(unchanged=1.0))
    unchanged = [example for example in dataset.examples if example.kind == "unchanged"]
    assert len(unchanged) * 2 == len(dataset.examples)
    for example in unchanged:
        assert example.output.removeprefix("```SR\n").removesuffix("\n```") in example.instruction


def test_the_same_seed_gives_the_same_data_and_another_gives_other(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(drafts=False), tmp_path / "d")
    first = make_dataset("lom", [made], making(seed=1))
    assert make_dataset("lom", [made], making(seed=1)) == first
    assert make_dataset("lom", [made], making(seed=2)) != first


def test_joins_that_keys_cannot_give_back_are_kept_where_asked(make_source: Make, tmp_path: Path) -> None:
    cases = [
        {
            "id": "1",
            "question": "?",
            "gold": "SELECT T1.name FROM store AS T1 JOIN sale AS T2 ON T1.size = T2.amount * 4",
        }
    ]
    made = material(make_source(cases, drafts=False), tmp_path / "d")
    (paper,) = make_dataset("bam", [made], making(wording="paper")).examples
    (proved,) = make_dataset("bam", [made], making(wording="proved")).examples
    assert (paper.dialect, proved.dialect) == ("paper", "extended")
    assert "join" not in paper.output
    assert "join" in proved.output


def test_long_examples_are_left_out(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(drafts=False), tmp_path / "d")
    dataset = make_dataset("bam", [made], making(longest=100))
    assert not dataset.examples
    assert any("longer than 100" in each.cause for each in dataset.left_out)


def test_gold_outside_the_schema_is_left_out(make_source: Make, tmp_path: Path) -> None:
    cases = [{"id": "1", "question": "?", "gold": "SELECT owner FROM store"}]
    made = material(make_source(cases, live=False, drafts=False), tmp_path / "d")
    (left,) = make_dataset("bam", [made], making()).left_out
    assert "schema has not" in left.cause


def test_a_bam_model_writes_the_drafts_trajectories(make_source: Make, tmp_path: Path) -> None:
    answer = "```SR\nres = df.select(store.id)\n```"
    model = ScriptedModel({"bam": answer}, "small")
    made = material(make_source(), tmp_path / "d", bam=model)
    assert made.drafts["1"].by == "small"
    assert made.drafts["1"].trajectory == "res = df.select(store.id)"
    dataset = make_dataset("sam", [made], making())
    assert "res = df.select([MASK])" in dataset.examples[0].instruction


def test_errors_are_measured_on_wrong_drafts(make_source: Make, tmp_path: Path) -> None:
    profile = measured_profile([material(make_source(), tmp_path / "d")])
    assert profile == ErrorProfile({"condition-literal": 1, "order-add": 1}, {1: 2}, 2)


def test_files_are_laid_out_as_llama_factory_reads_them(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(), tmp_path / "d")
    out = tmp_path / "ft_data"
    for role in ("bam", "lom"):
        save(make_dataset(role, [made], making()), out)
    info = json.loads((out / INFO).read_text())
    assert info == {
        f"{role}_train_data": {
            "file_name": f"{role}_train_data.json",
            "columns": {"prompt": "instruction", "response": "output", "system": "system"},
        }
        for role in ("bam", "lom")
    }
    rows = json.loads((out / "bam_train_data.json").read_text())
    # One type a column, and none of the names that the loader would take for something else.
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert {"id", "source"} <= set(rows[0])
    assert not {"input", "history", "tools", "images", "videos", "audios"} & set(rows[0])
    left = [json.loads(line) for line in (out / "bam_left_out.jsonl").read_text().splitlines()]
    assert [each["id"] for each in left] == ["5"]


def test_a_broken_dataset_info_is_named(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(CASES[:1]), tmp_path / "d")
    (tmp_path / INFO).write_text("[")
    with pytest.raises(RunFolderError, match=INFO):
        save(make_dataset("bam", [made], making()), tmp_path)


def test_stats_count_what_is_there(make_source: Make, tmp_path: Path) -> None:
    made = material(make_source(), tmp_path / "d")
    save(make_dataset("sam", [made], making()), tmp_path / "out")
    stats = data_stats(tmp_path / "out")
    assert stats["sam"]["examples"] == 3
    assert stats["sam"]["kind"] == {"wrong draft": 2, "right draft": 1}
    assert stats["sam"]["errors"] == {"condition-literal": 1, "order-add": 1}
    assert stats["sam"]["edits"] == {"delete orderby": 1, "substitute where": 1}
    assert stats["sam"]["databases"] == {"shop/shop": 3}
    assert stats["sam"]["characters"]["output"]["1"] >= stats["sam"]["characters"]["output"]["0.5"] > 0
    assert sum(stats["sam"]["left_out"].values()) == 2
    assert "wrong draft" in drawn(stats)


def test_stats_of_an_empty_folder_name_the_mend(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="share data"):
        data_stats(tmp_path)
