"""What models' answers cost, in USD: the price that a models file names, else the provider's list price.

List prices are those that the package genai-prices ships: nothing is fetched. A provider is known by its
server's address; a server of one's own has no list price, whatever its model is called. Models in this
process, and recorded answers, cost no money.

A price that is not known is None and stays so in every sum: it is never taken for 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from share_sql.models.base import Usage

if TYPE_CHECKING:
    from share_sql.models.base import Model

_MILLION = 1_000_000


class Pricing(Protocol):
    """What one model's tokens cost."""

    def cost(self, usage: Usage) -> float | None:
        """USD for the tokens of one call; None where it is not known."""
        ...


@dataclass(frozen=True)
class Price:
    """A price of one's own, in USD for a million tokens."""

    input: float
    """Of prompts."""
    output: float
    """Of answers, hidden reasoning included."""
    cached: float | None = None
    """Of that part of prompts that the server found in its cache; None where it costs as all others."""

    def cost(self, usage: Usage) -> float:
        """USD for so many tokens."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        found = cached * (self.input if self.cached is None else self.cached)
        asked = (usage.prompt_tokens - cached) * self.input
        return (asked + found + usage.completion_tokens * self.output) / _MILLION


FREE = Price(0, 0)
"""Of models that nobody is paid for."""


@dataclass
class ListPrice:
    """The list price of a provider's model, as of now."""

    model: str
    """The model's name there."""
    url: str
    """The server's address."""
    _unknown: bool = field(default=False, init=False, repr=False)

    def cost(self, usage: Usage) -> float | None:
        """USD for the tokens of one call; None where no list has the model at this server."""
        if self._unknown:
            return None
        import genai_prices

        cached = min(usage.cached_tokens, usage.prompt_tokens)
        tokens = genai_prices.Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read_tokens=cached or None,
        )
        try:
            return float(genai_prices.calc_price(tokens, self.model, provider_api_url=self.url).total_price)
        except (LookupError, ValueError):  # no such provider or model; it has no price for such tokens
            self._unknown = True
            return None


def cost_of(model: Model, usage: Usage) -> float | None:
    """USD for what a model spent on one call; None where its price is not known.

    Args:
        model: where it has an attribute `price`, that is its `Pricing`.
        usage: its tokens. No request, as from a cache, costs nothing.
    """
    if not usage.requests:
        return 0.0
    price: Pricing | None = getattr(model, "price", None)
    return price.cost(usage) if price is not None else None


def has_price(model: Model) -> bool:
    """Whether it is known what a model's tokens cost."""
    return cost_of(model, Usage(prompt_tokens=1, completion_tokens=1, requests=1)) is not None
