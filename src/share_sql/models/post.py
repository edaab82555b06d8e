"""One request to a server: bounded in time and size, with no redirect followed and no cookie kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from share_sql.errors import AnswerUnreadable, ModelRefused, ModelTimeout, ModelUnavailable, ModelUnreachable
from share_sql.models.address import Address
from share_sql.models.refusals import Again
from share_sql.models.secrets import Secrets

if TYPE_CHECKING:
    import httpx2

LONGEST_BODY = 8 << 20
"""Bytes of an answer, decompressed. Log-probabilities of 3,000 tokens take about half a megabyte."""
LONGEST_REFUSAL = 64 << 10
"""Bytes of an error's body that are read."""
CONNECT_SECONDS = 20.0
"""For one connection: a host that drops packets would take all of an ask's time."""
REFUSAL_SECONDS = 5.0
"""For an error's body: the status says what matters."""


@dataclass(frozen=True)
class Response:
    """What a server sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """Decompressed; of an error at most its beginning."""


class BodyTooLong(Exception):
    """An answer is longer than LONGEST_BODY."""


class Poster:
    """Posts to one address. It belongs to one event loop."""

    def __init__(
        self,
        address: Address,
        headers: Mapping[str, str],
        secrets: Secrets,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`headers` are sent with each request, credentials among them. `transport` is for tests.

        Raises ModelRefused where the environment's proxies or certificates cannot be used.
        """
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2

        self._address = address
        self._secrets = secrets
        url = httpx2.URL(address.chat)
        # The library logs each request's URL; what is secret of it goes past that.
        target = b"&" if url.query else b"?"
        target = url.raw_path + target + address.query.encode("utf-8", "replace") if address.query else b""
        self._extensions = {"target": target} if target else {}
        try:
            self._client = httpx2.AsyncClient(
                auth=(address.user, address.password) if address.user or address.password else None,
                headers=dict(headers),
                # The whole request has its own bound; connections are bounded by who may ask at once.
                timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                transport=transport,
            )
        except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
            # Its words may hold the proxy's password.
            raise ModelRefused(
                f"no connection can be set up ({type(error).__name__}); check the environment's HTTP_PROXY, "
                "HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
            ) from None

    async def post(self, content: bytes, seconds: float, limit: float) -> Response:
        """Send a body of JSON, and read what comes back.

        Args:
            content: the body.
            seconds: for all of it.
            limit: what `timeout` is set to, for the message: less time may be left.

        Raises:
            Again: no whole answer came.
            BodyTooLong: more came than an answer may hold.
        """
        import httpx2

        began = False
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(
                    "POST", self._address.chat, content=content, extensions=dict(self._extensions)
                ) as answer,
            ):
                began = True
                return Response(answer.status_code, answer.headers, await _body(answer))
        except httpx2.ConnectTimeout:
            raise self._unreachable(f"none within {CONNECT_SECONDS:g} s") from None
        except (TimeoutError, httpx2.TimeoutException):
            what = "no whole answer" if began else "nothing"
            raise Again(f"{what} within {min(seconds, limit):.3g} s", kind=ModelTimeout) from None
        except httpx2.DecodingError as error:
            said = self._secrets.cover(error)
            raise Again(f"an answer that cannot be decompressed ({said})", kind=AnswerUnreadable) from None
        except (httpx2.RequestError, OSError) as error:
            raise self._unreachable(error.__cause__ or error) from None
        except BodyTooLong:
            raise
        except Exception as error:
            # Whatever else a library makes of what a server sends: a failure of this call, by name.
            said = self._secrets.cover(f"{type(error).__name__}: {error}")
            raise Again(f"the call failed ({said[:300]})", kind=ModelUnavailable) from None

    async def close(self) -> None:
        """Close the connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_SECONDS):
                await self._client.aclose()

    def _unreachable(self, why: object) -> Again:
        where = self._secrets.cover_sure(self._address.url)
        said = self._secrets.cover(why)[:300] or type(why).__name__
        return Again(f"no connection to {where} ({said})", kind=ModelUnreachable)


async def _body(answer: httpx2.Response) -> bytes:
    """The body under its bound. An error's may be cut short: it only explains the status."""
    import httpx2

    encodings = answer.headers.get("content-encoding", "")
    if "," in encodings:
        # One in another multiplies: a few bytes would keep the processor busy for hours.
        raise httpx2.DecodingError("compressed more than once")
    good = 200 <= answer.status_code < 300
    body = bytearray()
    if good:
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LONGEST_BODY:
                raise BodyTooLong
        return bytes(body)
    with suppress(httpx2.RequestError, TimeoutError, OSError):
        async with asyncio.timeout(REFUSAL_SECONDS):
            async for part in answer.aiter_bytes():
                body += part[:LONGEST_REFUSAL]
                if len(body) >= LONGEST_REFUSAL:
                    break
    return bytes(body[:LONGEST_REFUSAL])
