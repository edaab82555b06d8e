"""confirm: a second model answers too, where an answer of the drafter may replace the draft.

It sees neither the draft nor the drafter's answers, and was trained by others, so that it makes other
mistakes. It is asked about few cases: those in which its word decides.
"""

from __future__ import annotations

from dataclasses import replace

from share_sql.errors import AnswerUnusable, ModelError
from share_sql.prompts.brief import tells_examples
from share_sql.prompts.render import second_drafter_variables
from share_sql.requests import Steps
from share_sql.schema.model import ColumnName
from share_sql.stages.asking import ask, cut_off, lost, noted, stored_examples
from share_sql.stages.policies import agreed_row
from share_sql.stages.redraft import LONGEST, answer_sql, shown
from share_sql.stages.state import State

ROLE = "second_drafter"
_LOST = "no answer of the drafter's is confirmed"


def confirm(state: State) -> Steps[State]:
    """Ask the second drafter where, if it agreed, an answer of the drafter would replace the draft or its
    repair; nothing to do elsewhere, or without one."""
    if ROLE not in state.plan.roles or not _decides(state):
        return state
    schema, values = yield from shown(state)
    # A view's first rows may take as long as all, so that none is read for examples.
    told = (
        ColumnName(table.name, column.name)
        for table, column in schema.columns()
        if tells_examples(column) and not table.is_view
    )
    examples = yield from stored_examples(state, told)
    asked = {"question": state.case.question, "evidence": state.case.evidence}
    variables = second_drafter_variables(schema, values=values, examples=examples, **asked)
    try:
        state, reply = yield from ask(state, ROLE, variables, max_tokens=LONGEST)
    except ModelError as error:
        return lost(state, "confirm", ROLE, _LOST, error)
    sql = answer_sql(reply.answers[0].text)
    if not sql:
        unusable = AnswerUnusable(f"{reply.model}: the answer is no SQL{cut_off(reply)}")
        return lost(state, "confirm", ROLE, _LOST, unusable)
    query = yield from state.examiner.examine(sql)
    return noted(replace(state, second=query), "confirm", f"{reply.model} answers too")


def _decides(state: State) -> bool:
    """Whether some answer would act with the best that the second drafter can say."""
    model = state.plan.weights.agreed
    if not state.plan.answers_act or not model:
        return False
    rows = (agreed_row(state, each, each.query) for each in state.candidates if each.origin == "drafter")
    return any(row is not None and model(row) > model.threshold for row in rows)
