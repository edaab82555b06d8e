"""Text of a trajectory to tokens: one regular expression, one pass."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORD, NUMBER, STRING, BLOB, QUOTED, MASK, PARAMETER, OPERATOR, BAD, END = "wnsbqmpox$"
"""Kinds of token; the first eight are the groups of the pattern below, in order."""

_LOOK_AHEAD = 4
"""Ends put behind the last token, so that a parser may look ahead without asking."""

_KINDS = " wnesbqmpcox"

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<word>(?!(?:[eExXfF]['"`]))[^\W\d][\w$]*)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.(?!\.)\d*)?|(?<![\w\])`'"])\.\d+)(?:[eE][+-]?\d+(?!\w))?)
    |(?P<escaped>[eE](?:'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`))
    |(?P<string>[fF]?(?:'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"))
    |(?P<blob>[xX]'[0-9a-fA-F]*')
    |(?P<quoted>`[^`]*(?:``[^`]*)*`)
    |(?P<mask>\[\s*MASK_?\d*\s*\])
    |(?P<parameter>\?\d+|[:@$][^\W\d]\w*)
    |(?P<comment>(?<!\S)(?:\#|--(?![^\s-])|//)[^\n]*|/\*[^*]{0,2000}\*/|\\)
    |(?P<operator>\|\||<=|>=|<>|!=|==|->>|->|<<|>>|&&|[-+*/%()\[\]{},.=<>&|~:;?])
    |(?P<bad>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_STRING = re.compile(
    r"""[eE]'(?:[^'\\]|\\.)*'|[eE]`(?:[^`\\]|\\.)*`|'[^']*(?:''[^']*)*'|"[^"]*(?:""[^"]*)*"|`[^`]*`"""
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]|```")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as columns of equal length; the last one is the end."""

    source: str
    """The text they were made from."""
    kinds: list[str]
    texts: list[str]
    """As in the source."""
    lowers: list[str]
    """Words in lower case; other tokens as they are."""
    starts: list[int]
    ends: list[int]


def tokenize(text: str) -> Tokens:
    """Cut a text into tokens. Never fails: what fits nothing is a token of kind BAD.

    Args:
        text: source text, comments allowed (`#`, `--`, `//` after a space, `/* */`).

    Returns:
        The tokens, with END as the last one.
    """
    kinds: list[str] = []
    texts: list[str] = []
    lowers: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    text = text.rstrip()  # trailing space would be tried at each of its positions
    for match in _TOKEN.finditer(text):
        group = match.lastindex or 0
        kind = _KINDS[group]
        if kind == "c":
            continue
        value = match[group]
        if kind == "e":
            kind = QUOTED if value[1] == "`" else STRING
        kinds.append(kind)
        texts.append(value)
        lowers.append(value.lower() if kind == WORD else value)
        starts.append(match.start(group))
        ends.append(match.end())
    size = len(text)
    for _ in range(_LOOK_AHEAD):
        kinds.append(END)
        texts.append("")
        lowers.append("")
        starts.append(size)
        ends.append(size)
    return Tokens(text, kinds, texts, lowers, starts, ends)


def without_strings(text: str) -> str:
    """The text with all quoted strings taken out, to count brackets in."""
    return _STRING.sub("", text)


def unquote(text: str) -> str:
    """The value of a quoted token: `'it''s'`, `"x"`, a backticked name, `e'a\\nb'`, `f'…'`."""
    if text[0] in "eE":
        return _ESCAPE.sub(_unescape, text[2:-1])
    if text[0] in "fF":
        text = text[1:]
    mark = text[0]
    inner = text[1:-1]
    return inner.replace(mark + mark, mark) if mark in inner else inner


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16))
    return _ESCAPES.get(match[3], match[3])


def quote(text: str, mark: str = "'") -> str:
    """Quote a text so that `unquote` gives it back and it stays on one line.

    Args:
        text: the value.
        mark: `'` for texts, a backtick for names.

    Returns:
        `'…'` with the mark doubled, or `e'…'` with backslash escapes where there are line breaks or
        other control characters, or a code fence, in the text.
    """
    if _CONTROL.search(text) or (mark == "`" and mark in text):
        body = text.replace("\\", "\\\\").replace(mark, "\\" + mark).replace("```", "\\x60\\x60\\x60")
        body = re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", _escape, body)
        return f"e{mark}{body}{mark}"
    return mark + text.replace(mark, mark + mark) + mark


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
