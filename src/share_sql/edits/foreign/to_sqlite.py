"""SQLite as the database: what is written for it."""

from __future__ import annotations

from sqlglot import exp

from share_sql.edits.foreign import functions, patterns, periods, texts
from share_sql.edits.foreign.lifted import lifted
from share_sql.edits.foreign.nodes import Reading
from share_sql.edits.foreign.queries import CLAUSES, null_order
from share_sql.edits.foreign.target import Target, in_families


def _bare_dates(tree: exp.Query, reading: Reading) -> tuple[exp.Query, str]:
    """Take out the conversions that sqlglot's readers put round a date that is taken apart."""
    for node in list(tree.find_all(*_WRAPPERS)):
        if isinstance(node.parent, _TAKES_DATES) and node.this is not None and not node.args.get("format"):
            node.replace(node.this.copy())
    return tree, ""


_WRAPPERS = (exp.TsOrDsToDate, exp.TsOrDsToTimestamp, exp.TimeStrToTime)
_TAKES_DATES = (
    exp.Year, exp.Month, exp.Day, exp.Week, exp.Quarter, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso,
    exp.DayOfYear, exp.WeekOfYear, exp.Hour, exp.Minute, exp.Second, exp.LastDay, exp.TimeToStr, exp.DateDiff,
    exp.Dayname, exp.Monthname, exp.DateAdd, exp.DateSub,
)  # fmt: skip

TARGET = Target(
    clauses=(*CLAUSES, lifted, _bare_dates),
    by_node=in_families(periods.RULES, texts.RULES, functions.RULES, patterns.RULES),
    by_name={**periods.NAMES, **texts.NAMES, **functions.NAMES},
    null_order=null_order,
)
