"""The paper's dialect as a grammar that a model's answer can be held to, token by token.

The grammar is EBNF as llama.cpp and XGrammar read it. Its only columns are the schema's own, spelled as
`write` spells them, its steps speak of earlier steps only, and every text in it is read by `read` without a
raw node. Lists, chains and texts are bounded, so that a small model that repeats itself comes to an end. It
is narrower than what the reader takes: joins, nested frames, windows and tables of constants are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from share_sql.schema.model import Schema
from share_sql.trajectory.nodes import Alias, Trajectory
from share_sql.trajectory.write import Writer

MAX_STEPS = 12
"""Steps with `res`; more than all but a few gold queries of Spider and BIRD take. It also ends a model that
repeats itself."""

MAX_LEVELS = 4
"""Brackets, calls and cases inside each other."""

_FUNCTIONS = (
    "round", "abs", "length", "upper", "lower", "trim", "ltrim", "rtrim", "substr", "instr", "replace",
    "strftime", "date", "datetime", "julianday", "coalesce", "ifnull", "nullif", "iif",
)  # fmt: skip
_AGGREGATES = ["count", "sum", "avg", "min", "max", "total", "group_concat"]
_TYPES = ["real", "integer", "int", "float", "text", "numeric", "double", "decimal"]
_OPERATORS = ["like", "in", "is", "not", "between", "contains", "glob", "regexp", "equals", "equal"]
"""Words that make a filter's text a comparison where it begins with one."""
_FOLLOWERS = ["is", "in", "like", "between", "not"]
"""Words that make a filter's text a condition where they follow its first word."""

_SHARED = r"""
text ::= "'" char{0,80} "'"
char ::= [^'"`\\\n] | "''"
number ::= "-"? [0-9]{1,12} ("." [0-9]{1,12})?
day ::= [0-9] [0-9] [0-9] [0-9] "-" [0-9] [0-9] ("-" [0-9] [0-9])?
sign ::= "=" | "!=" | "<" | "<=" | ">" | ">="
alone ::= number | "'" plain "'" | "\"" plain "'" [^"`\\\n]{0,60} "\"" | "'is null'" | "'is not null'"
  | "\"" sign " " text "\"" | "\"" ("in " | "not in ") "(" text (", " text){0,20} ")\""
  | "'" ("in " | "not in ") "(" number (", " number){0,20} ")'"
  | "'" ("like " | "not like ") pattern "'" | "\"" ("like " | "not like ") text "\""
  | "'" ("between " | "not between ") bound " and " bound "'"
  | "\"" ("between " | "not between ") text " and " text "\""
bound ::= number | day
inner ::= number | column
pattern ::= like{1,60} ("%" dotted{0,60})? | "%" dotted{0,60}
like ::= [^'"`\\\n|.([%_] | "''"
dotted ::= [^'"`\\\n|] | "''"
"""
"""Rules that depend neither on the schema nor on the step."""

_OF_STEP = r"""
line@ ::= source@ actions@
source@ ::= "df" | frame@
items@ ::= item@ (", " item@){0,20}
item@ ::= sum@^ AS | star
list@ ::= sum@^ (", " sum@^){0,12}
actions@ ::= action@{1,10}
action@ ::= ".where(" condition@ ")" | ".orwhere(" condition@ ")" | ".having(" condition@ ")"
  | ".groupby(" list@ ")" | ".orderby(by = " key@ (", " key@){0,5} ")"
  | ".select(" items@ ")" (".distinct()")?
  | ".distinct()" | ".limit(" [0-9]{1,12} (", offset = " [0-9]{1,12})? ")" | "." aggregate "(" items@? ")"
  | ".count(distinct = " list@ ")"
  | "." ("union" | "union_all" | "intersect" | "except") "(" frame@ ")"
key@ ::= sum@^ ", " ("asc" | "desc")
condition@ ::= "element = " element@^ ", filter = " filter@ | either@^
filter@ ::= alone | named@^ | "'" sign " " operand@ "'"
  | frame@ | "'" ("in" | "not in") "', value = " frame@
operand@ ::= signed@ ((" + " | " - " | " * " | " / ") signed@){0,4}
signed@ ::= number | column | (aggregate | function) "(" inner (", " inner){0,3} ")"
  | frame@ | output@
"""
"""Rules that each step has of its own (`@` stands for its number), since a step may speak of earlier ones
only. Lines that begin with `|` and speak of frames are left out of the first."""

_OF_LEVEL = r"""
either@# ::= both@# (" or " both@#){0,8}
both@# ::= test@# (" and " test@#){0,8}
test@# ::= element@# compared@# | "not " element@# compared@#
  | "not (" either@< ")" | "(" either@< ")"
compared@# ::= " " sign " " sum@# | " is null" | " is not null" | (" like " | " not like ") (text | number)
  | (" in (" | " not in (") sum@# (", " sum@#){0,20} ")" | (" between " | " not between ") sum@# " and " sum@#
element@# ::= named@# ((" + " | " - " | " * " | " / ") product@#){0,8}
sum@# ::= product@# ((" + " | " - " | " || ") product@#){0,8}
product@# ::= value@# ((" * " | " / " | " % ") value@#){0,8}
value@# ::= number | text | "null" | named@#
  | "(" sum@< ")"
  | frame@
named@# ::= column
  | call@< | case@<
  | output@
call@# ::= aggregate "(" (("distinct ")? sum@# | "*" | star) ")" | function "(" sum@# (", " sum@#){0,3} ")"
  | "cast(" sum@# ", " type ")"
case@# ::= "case" (" when " either@# " then " sum@#){1,8} (" else " sum@#)? " end"
"""
"""Rules that each level of brackets in a step has of its own (`#`); `<` stands for the one below, and `^` for
the uppermost. Without them a small model may nest calls until nothing can read them."""


def trajectory_grammar(schema: Schema, outputs: Iterable[str] = ()) -> str:
    """The grammar of fenced trajectories over a schema.

    Args:
        schema: gives the columns; one with none allows no column at all.
        outputs: names that steps may give to what they select (`select(sum(t.c) as total)`), e.g. those
            of the trajectory at hand.

    Returns:
        EBNF whose start rule is `root`.
    """
    writer = Writer(Trajectory(()), "paper")
    tables = [(writer.table(table.name), table) for table in schema.tables if table.columns]
    rules: list[str] = []
    columns, stars = [], []
    for number, (name, table) in enumerate(tables):
        own = [writer.column_name(column.name) for column in table.columns]
        rules.append(f"in{number} ::= {_any(own)}")
        columns.append(f"{quoted(f'{name}.')} in{number}")
        stars.append(quoted(f"{name}.*"))
    named = sorted({writer.name(name) for name in outputs})
    bare = {writer.column_name(column.name) for _, table in tables for column in table.columns}
    rules += [
        "column ::= " + (" | ".join(columns) or quoted("count(*)")),
        "star ::= " + " | ".join([quoted("*"), *stars]),
        "output ::= " + (_any(bare.union(named)) or quoted("*")),
        "aggregate ::= " + _any(_AGGREGATES),
        "function ::= " + _any(_FUNCTIONS),
        "type ::= " + _any(_TYPES),
        *_plain(),
    ]
    return "\n".join([*_steps(named), _SHARED.strip(), *rules]) + "\n"


def _steps(outputs: Sequence[str]) -> list[str]:
    """Steps in order: `df1 = …`, `df2 = …`, at last `res = …`; each speaks of those before it only."""
    rules = ['root ::= "```SR\\n" step1 "\\n```"']
    for number in range(1, MAX_STEPS + 1):
        last = f'"res = " (line{number} | sum{number}-{MAX_LEVELS})'
        more = f'"df{number} = " line{number} "\\n" step{number + 1}'
        rules.append(f"step{number} ::= {last}" + (f" | {more}" if number < MAX_STEPS else ""))
        rules += _of_step(number, outputs)
    return rules


def _of_step(number: int, outputs: Sequence[str]) -> list[str]:
    """The rules of one step."""
    template = _OF_STEP.strip().replace(" AS", f' (" as " ({_any(outputs)}))?' if outputs else "")
    texts = [template.replace("^", f"-{MAX_LEVELS}")]
    for level in range(MAX_LEVELS + 1):
        text = _OF_LEVEL.strip()
        if level == 0:
            text = _without(text, r"\w+@<")
        texts.append(text.replace("#", f"-{level}").replace("<", f"-{level - 1}"))
    if number == 1:
        texts = [_without(text, "(?:frame|output)@").replace(" | frame@", "") for text in texts]
    rules = [text.replace("@", str(number)) for text in texts]
    if number > 1:
        frames = _any(f"df{earlier}" for earlier in range(1, number))
        rules += [f"frame{number} ::= {frames}", f'output{number} ::= frame{number} "." output']
    return rules


def _without(rules: str, what: str) -> str:
    """Rules without the lines of further alternatives that speak of something."""
    pattern = re.compile(rf"  \|.*{what}")
    return "\n".join(line for line in rules.splitlines() if not pattern.match(line))


def _plain() -> list[str]:
    """A filter's text that is surely a plain value, as `reading.filters` judges it.

    It begins with no operator, its first word is not followed by something that would make a condition of it,
    and a word in front of a bracket or sign is no call.
    """
    word = r"[^\x00-/:-@\[-^`{-\x7f]"  # a letter, digit or underscore
    rules = [
        r"plain ::= [0-9] free{0,80} | first | first [^\x00-\x20'\"`\\<>=!(0-9A-Za-z_] free{0,80} | first"
        r" (" + quoted(" ") + r" second)",
        r"second ::= later ([^'\"`\\\n0-9A-Za-z_] free{0,80})? | [0-9] free{0,80}",
        r"free ::= [^'\"`\\\n] | " + quoted("''"),
        f"letters ::= {word}{{0,60}}",
    ]
    rules += _other_words("first", _OPERATORS)
    rules += _other_words("later", _FOLLOWERS)
    return rules


def _other_words(name: str, words: Sequence[str]) -> list[str]:
    """Rules for words that begin with a letter and are none of `words`, whatever their case."""
    rules: list[str] = []
    prefixes = sorted({word[:length] for word in words for length in range(len(word) + 1)})
    for prefix in prefixes:
        following = sorted(
            {word[len(prefix)] for word in words if word.startswith(prefix) and word != prefix}
        )
        either = "".join(char + char.upper() for char in following)
        more = "0-9_" if prefix else ""
        rest = "".join(_ranges(either)) + more
        options = [f"[{rest}] letters"]
        options += [f"[{char}{char.upper()}] {name}-{prefix}{char}" for char in following]
        if prefix and prefix not in words:
            options.append(quoted(""))
        rules.append(f"{name if not prefix else f'{name}-{prefix}'} ::= {' | '.join(options)}")
    return rules


def _ranges(without: str) -> list[str]:
    """Character ranges of the ASCII letters but those given."""
    letters = [chr(code) for code in (*range(65, 91), *range(97, 123))]
    return [letter for letter in letters if letter not in without]


def _any(texts: Iterable[str]) -> str:
    """One of several texts; the longest first, for parsers that take the first that fits."""
    return " | ".join(
        quoted(text) for text in sorted(dict.fromkeys(texts), key=lambda text: (-len(text), text))
    )


def quoted(text: str) -> str:
    """A terminal of the grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped.replace(chr(13), chr(92) + "r")}"'


def output_names(trajectory: Trajectory | None) -> frozenset[str]:
    """The names that a trajectory gives to what it selects."""
    if trajectory is None:
        return frozenset()
    return frozenset(node.name for node in trajectory.walk() if isinstance(node, Alias))
