"""Names of tables and columns as models write them: unquoted, with spaces, brackets and hyphens."""

from __future__ import annotations

from share_sql.trajectory import nodes as n
from share_sql.trajectory.lexer import MASK, NUMBER, OPERATOR, QUOTED, STRING, WORD, unquote
from share_sql.trajectory.reading.cursor import Cursor
from share_sql.trajectory.words import INFIX, MASK_TEXT, STOP_WORDS, word_set

_CLAUSE_WORDS = word_set("order group partition rows range groups")
_CLAUSE_NEXT = word_set("by between unbounded current")


class NameParser(Cursor):
    """Reads names."""

    def alias_name(self) -> str:
        """Read a new name after `as`: a word, a quoted text, or several words."""
        at = self.at
        kind = self.kinds[at]
        if kind in (STRING, QUOTED):
            self.at += 1
            return unquote(self.texts[at])
        if kind == OPERATOR and self.texts[at] == "[" and self.kinds[at + 1] in (WORD, STRING):
            self.at += 1
            name = self.alias_name()
            self.close("]")
            return name
        self.need(kind in (WORD, MASK, NUMBER))
        self.at = self.name_end(at, "")
        return self.source[self.starts[at] : self.ends[self.at - 1]]

    def column(self) -> n.Expr:
        """Read a column's name, with or without a table before it."""
        at = self.at
        known = self.context.known
        kind = self.kinds[at]
        table: str | None = None
        if kind == WORD and known is not None and known.odd_tables:
            table = known.longest_table(self.source, self.starts[at])
            if table:
                self.skip_to(self.starts[at] + len(table))
                self.at += 1
        if table is None:
            dot = at + 1
            if kind == WORD:
                while self.kinds[dot] in (WORD, MASK) and self.adjacent(dot):
                    dot += 1
            if self.texts[dot] != "." or self.kinds[dot] != OPERATOR or self.is_method(dot + 1):
                # Words in a row with a dot after them are a table of several words.
                if kind == WORD and self.lowers[at] not in STOP_WORDS:
                    end = dot
                    while (
                        self.kinds[end] == WORD
                        and self.lowers[end] not in STOP_WORDS
                        and not self.at_clause(end)
                    ):
                        end += 1
                    if end > dot and self.texts[end] == "." and self.adjacent(end):
                        self.at = end + 1
                        return self.name_after(self.source[self.starts[at] : self.ends[end - 1]], self.at)
                return self.name_after(None, at)
            table = (
                unquote(self.texts[at])
                if kind == QUOTED
                else self.source[self.starts[at] : self.ends[dot - 1]]
            )
            self.at = dot + 1
        if self.accept("*"):
            return n.Star(table)
        dotted = self.kinds[self.at] == WORD and self.texts[self.at + 1] == "."
        if dotted and self.kinds[self.at + 2] in (WORD, QUOTED, MASK) and not self.is_method(self.at + 2):
            # database.table.column, or a frame that no step defines.
            self.enter()
            inner = self.column()
            self.depth -= 1
            if isinstance(inner, n.ColumnRef | n.Mask | n.Star):
                return n.FrameColumn(table, inner)
            raise self.fail()
        return self.name_after(table, self.at)

    def name_after(self, table: str | None, at: int) -> n.Expr:
        """Read a column's name that starts at token `at`, several words and brackets included."""
        self.at = at
        kind = self.kinds[at]
        if kind in (QUOTED, STRING):
            self.at += 1
            return n.ColumnRef(table, unquote(self.texts[at]))
        if kind == MASK:
            self.at += 1
            return n.Mask()
        if kind == OPERATOR and self.texts[at] == "[":
            items = self.square_list()
            self.need(len(items) == 1)
            found = items[0]
            if isinstance(found, n.ColumnRef) and found.table is None:
                return n.ColumnRef(table, found.name)
            return found
        known = self.context.known
        if known is not None and known.all_odd:
            name = known.longest_column(table, self.source, self.starts[at])
            if name is not None:
                self.skip_to(self.starts[at] + len(name))
                return n.ColumnRef(table, name)
        self.need(kind in (WORD, NUMBER))
        end = self.name_end(at, table)
        self.at = end
        return n.ColumnRef(table, self.source[self.starts[at] : self.ends[end - 1]])

    def name_end(self, at: int, table: str | None) -> int:
        """The token after an unquoted name that starts at `at`, by the look of it."""
        kinds, texts = self.kinds, self.texts
        qualified = table is not None
        end = at + 1
        if qualified and kinds[at] == WORD and self.settled(table, texts[at], end):
            return end
        while True:
            kind, text = kinds[end], texts[end]
            if kind in (WORD, NUMBER, MASK):
                if self.adjacent(end):
                    end += 1
                elif kind == WORD and self.lowers[end] not in STOP_WORDS and self.lowers[end] not in INFIX:
                    if self.lowers[end] in self.context.steps or texts[end + 1] == ".":
                        return end
                    if self.at_clause(end):
                        return end
                    end += 1
                elif kind == NUMBER and qualified:
                    end += 1
                else:
                    return end
            elif kind != OPERATOR:
                return end
            elif text == "-" and self.adjacent(end) and self.adjacent(end + 1):
                follows = kinds[end + 1]
                numeric = follows == NUMBER and kinds[end - 1] == NUMBER and qualified
                worded = follows == WORD and qualified and texts[end + 2] not in ("(", ".")
                if not numeric and not worded:
                    return end
                end += 2
            elif text == "(" and self.is_name_group(end, qualified):
                while texts[end] != ")":
                    end += 1
                end += 1
            elif text == "?" and self.adjacent(end):
                end += 1
            else:
                return end

    def at_clause(self, at: int) -> bool:
        """Whether a clause such as `order by` or `rows between` begins at token `at`."""
        if self.lowers[at] not in _CLAUSE_WORDS:
            return False
        if self.lowers[at + 1] in _CLAUSE_NEXT:
            return True
        return self.kinds[at + 1] == NUMBER and self.lowers[at] in ("rows", "range", "groups")

    def settled(self, table: str | None, word: str, end: int) -> bool:
        """Whether the schema says that a single word is the whole name, so that what follows is not."""
        known = self.context.known
        if known is None or table is None or self.kinds[end] == OPERATOR:
            return False
        return word.lower() in known.tables.get(table.lower(), ())

    def is_name_group(self, at: int, qualified: bool) -> bool:
        """Whether a bracket at `at` belongs to a name, as in `Enrollment (K-12)` or `Percent (%) …`."""
        end = at + 1
        odd = False
        while self.texts[end] != ")":
            kind = self.kinds[end]
            if kind == OPERATOR:
                if self.texts[end] not in "-/%" or not self.texts[end]:
                    return False
                odd = True
            elif kind not in (WORD, NUMBER):
                return False
            elif end > at + 1 and not odd and not self.adjacent(end):
                odd = self.lowers[end] not in STOP_WORDS and self.lowers[end - 1] != "distinct"
            end += 1
            if end - at > 8:
                return False
        if end == at + 1:
            return False
        spaced = not self.adjacent(at)
        if qualified:
            return spaced or odd
        # Without a table only what cannot be a call's arguments: `(K-12)`, `(%)`, `(Y/N)`.
        shape = self.source[self.starts[at] : self.ends[end]]
        return spaced and odd and (" - " not in shape) and (end == at + 2 or "-" in shape or "/" in shape)

    def after_mask(self, at: int) -> n.Expr:
        """Read on after `[MASK]`: alone, `[MASK].name`, `[MASK].[MASK]`, `[MASK]_x`."""
        if self.next_is(".") and self.adjacent(self.at):
            if self.kinds[self.at + 1] == MASK:
                self.at += 2
                return n.Mask()
            if self.is_method(self.at + 1):
                return n.Mask()
            self.at += 1
            if self.accept("*"):
                return n.Star(MASK_TEXT)
            return self.name_after(MASK_TEXT, self.at)
        if self.kinds[self.at] == WORD and self.adjacent(self.at):
            while self.kinds[self.at] in (WORD, MASK) and self.adjacent(self.at):
                self.at += 1
            return n.ColumnRef(None, self.source[self.starts[at] : self.ends[self.at - 1]])
        return n.Mask()
