"""A small reader of EBNF as XGrammar and llama.cpp write it: does a text fit, and which texts are there?"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'\s*(?:"((?:[^"\\]|\\.)*)"|\[((?:[^\]\\]|\\.)*)\]|([A-Za-z][\w-]*+)(?!\s*::=)|(::=)|([|()*+?]|\{\d+,\d+\})|([A-Za-z][\w-]*)(?=\s*::=))'
)
_COMMON = "abeilnstTNOW _.-%0159(=<>!|é"
_ALL = "".join(map(chr, range(32, 127)))


def _unescape(text: str) -> str:
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1]), text)


@dataclass
class Grammar:
    """Rules: each a list of alternatives, each a list of items `(kind, value, least, most)`."""

    rules: dict[str, list] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Grammar:
        tokens = []
        at = 0
        text = text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            assert match, text[at : at + 60]
            tokens.append(match)
            at = match.end()
        grammar = cls()
        place = 0

        def either() -> list:
            nonlocal place
            options: list = [[]]
            while place < len(tokens):
                literal, chars, name, _, mark, head = tokens[place].groups()
                if head is not None or mark == ")":
                    break
                place += 1
                if mark == "|":
                    options.append([])
                    continue
                if mark == "(":
                    item: tuple = ("group", either())
                    assert tokens[place][5] == ")"
                    place += 1
                elif literal is not None:
                    item = ("text", _unescape(literal))
                elif chars is not None:
                    item = ("chars", _char_class(chars))
                else:
                    assert name is not None
                    item = ("rule", name)
                least, most = 1, 1
                if place < len(tokens) and (tokens[place][5] or "")[:1] == "{":
                    least, most = map(int, tokens[place][5][1:-1].split(","))
                    place += 1
                elif place < len(tokens) and tokens[place][5] in ("*", "+", "?"):
                    least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[tokens[place][5]]  # type: ignore[assignment]
                    place += 1
                options[-1].append((*item, least, most))
            return options

        while place < len(tokens):
            head = tokens[place][6]
            assert head, tokens[place][0]
            assert tokens[place + 1][4] == "::="
            place += 2
            assert head not in grammar.rules, f"{head} twice"
            grammar.rules[head] = either()
        for name in grammar.names():
            assert name in grammar.rules, f"no rule {name}"
        return grammar

    def names(self) -> set[str]:
        found: set[str] = set()

        def look(options: list) -> None:
            for option in options:
                for kind, value, _, _ in option:
                    if kind == "rule":
                        found.add(value)
                    elif kind == "group":
                        look(value)

        for options in self.rules.values():
            look(options)
        return found

    def accepts(self, text: str) -> bool:
        """Whether the start rule gives the whole text."""
        memo: dict[tuple[str, int], frozenset[int]] = {}

        def rule(name: str, at: int) -> frozenset[int]:
            if (name, at) not in memo:
                memo[name, at] = frozenset()  # rules of this project are not left-recursive
                memo[name, at] = either(self.rules[name], at)
            return memo[name, at]

        def either(options: list, at: int) -> frozenset[int]:
            ends: set[int] = set()
            for option in options:
                here = {at}
                for item in option:
                    here = set().union(*(repeated(item, start) for start in here)) if here else here
                ends |= here
            return frozenset(ends)

        def repeated(item: tuple, at: int) -> set[int]:
            _, _, least, most = item
            ends = {at} if least == 0 else set()
            here, seen = {at}, {at}
            rounds = 0
            while here and rounds != most:
                rounds += 1
                here = set().union(*(once(item, start) for start in here))
                ends |= here
                here -= seen
                seen |= here
            return ends

        def once(item: tuple, at: int) -> frozenset[int] | set[int]:
            kind, value = item[:2]
            if kind == "text":
                return {at + len(value)} if text.startswith(value, at) else set()
            if kind == "chars":
                return {at + 1} if at < len(text) and value(text[at]) else set()
            return rule(value, at) if kind == "rule" else either(value, at)

        return len(text) in rule("root", 0)

    def heights(self) -> dict[str, float]:
        """How deeply each rule's shallowest text is nested."""
        heights = dict.fromkeys(self.rules, float("inf"))
        for _ in self.rules:
            heights = {name: 1 + _height(options, heights) for name, options in self.rules.items()}
        return heights

    def sample(self, seed: int) -> str:
        """A text of the grammar; once it has grown to some length, it ends the shortest way."""
        chance = random.Random(seed)
        heights = self.heights()
        left = chance.choice((30, 60, 120, 240))

        def made(options: list) -> str:
            nonlocal left
            left -= 1
            if left < 0:
                options = [min(options, key=lambda option: _height([option], heights))]
            return "".join(part(item) for item in chance.choice(options))

        def part(item: tuple) -> str:
            kind, value, least, most = item
            count = least
            while (most is None or count < most) and left > 0 and chance.random() < 0.4:
                count += 1
            if kind == "text":
                return value * count
            if kind == "chars":
                fitting = [char for char in _COMMON if value(char)] or [char for char in _ALL if value(char)]
                return "".join(chance.choice(fitting) for _ in range(count))
            return "".join(made(self.rules[value] if kind == "rule" else value) for _ in range(count))

        return made(self.rules["root"])


def _height(options: list, heights: dict[str, float]) -> float:
    def of(item: tuple) -> float:
        kind, value, least, _ = item
        if not least or kind in ("text", "chars"):
            return 0
        return heights[value] if kind == "rule" else _height(value, heights)

    return min(max((of(item) for item in option), default=0) for option in options)


def _char_class(body: str):
    inverted = body.startswith("^")
    body = _unescape(body.removeprefix("^").replace("\\]", "]").replace("\\[", "["))
    singles: set[str] = set()
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(body):
        if at + 2 < len(body) and body[at + 1] == "-":
            ranges.append((body[at], body[at + 2]))
            at += 3
        else:
            singles.add(body[at])
            at += 1

    def fits(char: str) -> bool:
        inside = char in singles or any(low <= char <= high for low, high in ranges)
        return inside != inverted

    return fits
