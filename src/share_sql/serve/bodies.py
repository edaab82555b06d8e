"""What is asked of the service, as pydantic models; OpenAPI is made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _whole(text: str) -> str:
    """A text that can be written as UTF-8: JSON's escapes can say half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


Text: TypeAlias = Annotated[str, AfterValidator(_whole)]
"""A text that was sent."""
Name: TypeAlias = Annotated[Text, Field(min_length=1, max_length=200)]
"""A database, as `GET /v1/databases` lists it."""
MOST_MEMBERS = 32
"""Members of a body at most, known or not."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _few(cls, given: Any) -> Any:
        # One by one, half a million unknown members took half a minute to refuse.
        if isinstance(given, dict) and len(given) > MOST_MEMBERS:
            raise ValueError(
                f"there are more than {MOST_MEMBERS} members; see /docs for those that are known"
            )
        return given


class CheckBody(_Body):
    """A draft to look at."""

    database: Name
    draft: Text = Field(max_length=1_000_000)
    """The SQL as a model wrote it; it may have prose and fences around it."""
    question: Text = Field(default="", max_length=20_000)
    """What the SQL should answer; empty: no confidence is told."""
    evidence: Text = Field(default="", max_length=100_000)
    """Outside knowledge: units, codes, definitions."""
    id: Text = Field(default="1", max_length=200)
    """Given back in the answer."""


class CorrectBody(CheckBody):
    """A draft to correct."""


class TrajectoryBody(_Body):
    """SQL to see as a trajectory, or a trajectory to compile; give one of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
                for one, other in (("sql", "trajectory"), ("trajectory", "sql"))
            ]
        }
    )

    database: Name
    sql: Text | None = Field(default=None, max_length=100_000)
    trajectory: Text | None = Field(default=None, max_length=100_000)
    """A model's answer or a bare trajectory."""
    dialect: Literal["paper", "extended"] = "extended"
    """How the trajectory is printed: `paper` leaves joins out."""

    @model_validator(mode="after")
    def _one(self) -> TrajectoryBody:
        if (self.sql is None) == (self.trajectory is None):
            raise ValueError("give either sql or trajectory")
        return self


class RunBody(_Body):
    """SQL to run, read-only."""

    database: Name
    sql: Text = Field(max_length=100_000)
    rows: int = Field(default=100, ge=1, le=10_000)
    """Rows to give back at most."""
    seconds: float = Field(default=10.0, gt=0, le=60)
    """What the query may take."""
