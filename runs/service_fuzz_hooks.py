"""What schemathesis cannot know by itself, for `service_fuzz.py`: the database's name, what a batch is."""

from __future__ import annotations

import json
import zlib
from typing import Any

import schemathesis
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
CASE = st.fixed_dictionaries(
    {"database": st.just("shop") | TEXT, "draft": TEXT | st.just("SELECT COUNT(*) FROM custmers")},
    optional={"question": TEXT, "evidence": TEXT, "id": TEXT | st.integers(), "gold": TEXT, "more": TEXT},
)
LINE = CASE.map(json.dumps) | TEXT.map(lambda text: text.replace("\n", " "))

schemathesis.openapi.media_type(
    "application/jsonl", st.lists(LINE, max_size=4).map(lambda lines: "\n".join(lines).encode())
)


@schemathesis.serializer("application/jsonl")
def jsonl(ctx: schemathesis.SerializationContext, value: object) -> bytes:
    """A batch as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


QUERIES = (
    "SELECT COUNT(*) FROM customers",
    "SELECT * FROM orders o JOIN customers c ON o.customer_id = c.customer_id WHERE c.city = 'bonn'",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT COUNT(*) FROM n",
    "DELETE FROM customers",
    "SELECT max(x'00ff'), 1e999, 9007199254740993, NULL, char(0), zeroblob(100)",
)
STEPS = "df1 = df.where(element = customers.segment, filter = 'Enterprise')\nres = df1.count()"


@schemathesis.hook
def map_body(ctx: schemathesis.HookContext, body: Any) -> Any:
    """Most bodies that name some database name the demo's, and some texts become SQL with the text in it."""
    if not isinstance(body, dict):
        return body
    chance = zlib.crc32(repr(sorted(body.items(), key=repr)).encode("utf-8", "replace"))
    if chance % 4 and isinstance(body.get("database"), str) and 1 <= len(body["database"]) <= 200:
        body["database"] = "shop"
    for name in ("draft", "sql", "trajectory"):
        text = body.get(name)
        if isinstance(text, str) and len(text) < 1000 and chance % 3:
            query = STEPS if name == "trajectory" else QUERIES[chance % len(QUERIES)]
            at = chance % len(query)
            body[name] = query if chance % 2 else query[:at] + text + query[at:]
    if isinstance(seconds := body.get("seconds"), float) and seconds > 1:
        body["seconds"] = 0.2 if seconds <= 60 else seconds
    return body
