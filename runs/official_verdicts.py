"""The official scripts' verdict on each case. Run by against_official.py in the scripts' own interpreter.

    official_verdicts.py bird MINI_DEV FILES.json      {"pairs": [[prediction, gold, database], …]}
    official_verdicts.py spider TEST_SUITE FILES.json  {"gold", "predictions", "databases", "tables", flags}

Prints one JSON object. The scripts are imported as they are; for Spider its `evaluate` runs over the whole
file, and what its two judging functions return is listened to.
"""

import contextlib
import io
import json
import sys


def bird(pairs):
    from evaluation_ex import execute_model as ex
    from evaluation_f1 import execute_model as f1

    found = {"ex": [], "soft-f1": []}
    for at, (prediction, gold, database) in enumerate(pairs):
        found["ex"].append(ex(prediction, gold, database, at, 30.0, "SQLite")["res"])
        found["soft-f1"].append(f1(prediction, gold, database, at, 30.0, "SQLite")["res"])
    return found


def spider(job):
    import evaluation

    found = {"ex": [], "em": [], "hardness": []}
    run, match = evaluation.eval_exec_match, evaluation.Evaluator.eval_exact_match
    hardness = evaluation.Evaluator.eval_hardness
    depth = 0

    def heard_run(**arguments):
        verdict = run(**arguments)
        found["ex"].append(bool(verdict))
        return verdict

    def heard_match(self, prediction, gold):
        nonlocal depth
        depth += 1
        try:
            verdict = match(self, prediction, gold)
        finally:
            depth -= 1
        if not depth:
            found["em"].append(bool(verdict))
        return verdict

    def heard_hardness(self, sql):
        level = hardness(self, sql)
        found["hardness"].append(level)
        return level

    evaluation.eval_exec_match = heard_run
    evaluation.Evaluator.eval_exact_match = heard_match
    evaluation.Evaluator.eval_hardness = heard_hardness
    keys = evaluation.build_foreign_key_map_from_json(job["tables"])
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate(
            job["gold"],
            job["predictions"],
            job["databases"],
            "all",
            keys,
            job["plug_values"],
            job["keep_distinct"],
            False,
        )
    return found


if __name__ == "__main__":
    kind, folder, file = sys.argv[1:]
    sys.path.insert(0, folder)
    with open(file) as handle:
        job = json.load(handle)
    json.dump(bird(job["pairs"]) if kind == "bird" else spider(job), sys.stdout)
