"""Who may call: what the settings say, and what keeps a service from starting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from share_sql.errors import SettingsError
from share_sql.serve.access import Guard, guard_of
from share_sql.settings import ServiceSettings

TOKEN = "0123456789abcdef-hidden"


def settings(**given: Any) -> ServiceSettings:
    return ServiceSettings.model_validate({name.replace("_", "-"): value for name, value in given.items()})


def refusal(service: ServiceSettings, **environment: str) -> str:
    with pytest.raises(SettingsError) as raised:
        guard_of(service, environment)
    told = str(raised.value)
    assert "\n" not in told
    assert "hidden" not in told
    return told


def test_loopback_needs_no_token_and_bounds_no_rate() -> None:
    guard = guard_of(settings(), {})
    assert (guard.token, guard.per_minute, guard.addresses) == (None, 0, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_what_is_loopback(host: str) -> None:
    assert guard_of(settings(host=host), {}).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "share.example", "::ffff:127.0.0.1", ""])
def test_elsewhere_a_token_is_required(host: str) -> None:
    told = refusal(settings(host=host))
    assert "SHARE_TOKEN" in told
    assert "127.0.0.1" in told
    guard = guard_of(settings(host=host, token=TOKEN), {}) if host else Guard(addresses=True, per_minute=600)
    assert (guard.addresses, guard.per_minute) == (True, 600)


def test_the_environment_counts_before_the_file() -> None:
    assert (
        guard_of(settings(token=TOKEN), {"SHARE_TOKEN": "another-token-of-16"}).token == "another-token-of-16"
    )
    assert guard_of(settings(token=TOKEN), {}).token == TOKEN


@pytest.mark.parametrize(
    "token", ["", "hidden", "hidden hidden hidden", "hïdden-hïdden-hïdden", "hidden" * 9 + "\n"]
)
def test_a_token_that_is_none_ends_the_start(token: str) -> None:
    assert "is no token" in refusal(settings(), SHARE_TOKEN=token)


def test_no_token_is_shown() -> None:
    service = settings(token=TOKEN)
    assert TOKEN not in repr(service)
    assert TOKEN not in repr(guard_of(service, {}))


def test_a_file_has_the_token_and_is_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    service = settings(token_file=str(file))
    assert guard_of(service, {}).token == TOKEN
    file.chmod(0o640)
    assert guard_of(service, {}).token == TOKEN
    for mode in (0o604, 0o602):
        file.chmod(mode)
        assert "chmod o-rwx" in refusal(service)
    file.chmod(0o600)
    file.write_bytes(b"\xffhidden-hidden-hidden")
    assert "is no token" in refusal(service)
    file.unlink()
    assert "cannot be read: No such file" in refusal(service)
    assert "cannot be read" in refusal(settings(token_file=str(tmp_path)))


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("hosts", "https://share.example"),
        ("hosts", "share.example:8400"),
        ("hosts", "*"),
        ("hosts", ""),
        ("origins", "notes.example"),
        ("origins", "https://notes.example/path"),
        ("origins", "https://user@notes.example"),
        ("origins", "*"),
        ("origins", "null"),
        ("proxies", "proxy.example"),
        ("proxies", "*"),
    ],
)
def test_an_entry_that_is_none_ends_the_start(key: str, entry: str) -> None:
    assert f"service.{key}: {entry!r} is no" in refusal(settings(**{key: [entry]}))


def test_hosts() -> None:
    guard = guard_of(settings(host="0.0.0.0", token=TOKEN, hosts=["Share.example", "[2001:db8::1]"]), {})
    for known in (
        "share.example",
        "SHARE.EXAMPLE:443",
        "localhost:1",
        "127.0.0.1",
        "[::1]:8400",
        "10.1.2.3:80",
    ):
        assert guard.knows_host(known) is True, known
    for unknown in ("other.example", "share.example.evil", "1.2.3.4.nip.example"):
        assert guard.knows_host(unknown) is False, unknown
    for odd in (
        "",
        ":80",
        "a b",
        "share.example:",
        "[::1",
        "share.example.",
        "a/b",
        "a@b",
        "é",
        "share.example:0x50",
    ):
        assert guard.knows_host(odd) is None, odd
    # On loopback an address is one of a list as well: nobody else is expected.
    assert guard_of(settings(), {}).knows_host("10.1.2.3") is False


def test_tokens_are_compared_as_bytes() -> None:
    guard = Guard(token=TOKEN)
    assert guard.knows_token(TOKEN.encode())
    assert not guard.knows_token(TOKEN.encode() + b"\xff")
    assert not guard.knows_token(b"")
