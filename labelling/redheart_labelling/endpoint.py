"""The address of an endpoint, checked: no secret in it, and no key in clear text beyond this machine."""

from __future__ import annotations

import ipaddress
from typing import Literal
from urllib.parse import urlsplit

import attrs

from redheart_core.contract.errors import SettingsError

Protocol = Literal["openai", "anthropic"]
KEY_VARIABLES: dict[Protocol, str] = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""Environment variables that hold the key."""
ANTHROPIC = "api.anthropic.com"


@attrs.frozen
class Endpoint:
    """Where requests go."""

    url: str
    """The base: chat/completions (OpenAI) or v1/messages (Anthropic) is added to it."""
    protocol: Protocol

    @property
    def host(self) -> str:
        """Host, and port where one is given: what results say of the address."""
        return urlsplit(self.url).netloc


def read_endpoint(url: str, protocol: Protocol | None = None) -> Endpoint:
    """An endpoint by its address.

    Args:
        url: Such as https://api.openai.com/v1, https://api.anthropic.com or http://127.0.0.1:8000/v1.
        protocol: That of Anthropic for its own host and that of OpenAI for all others if left out.

    Raises:
        SettingsError: It is no address, holds a secret, or would send the key in clear text to another machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SettingsError(f"--endpoint is no address ({error}); expected is https://HOST[:PORT][/PATH]") from error
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError(f"--endpoint expects https://HOST[:PORT][/PATH], got an address without it: {url!r:.60}")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise SettingsError(
            "--endpoint holds a user, a password, a query or a fragment, which may be secret; give https://HOST[:PORT]"
            "[/PATH], and the key in an environment variable"
        )
    if parts.scheme == "http" and not _is_this_machine(host):
        raise SettingsError(
            f"--endpoint {url}: http would send key and texts in clear text to {host}; use https, or a tunnel to "
            "127.0.0.1"
        )
    return Endpoint(url.rstrip("/"), protocol or ("anthropic" if host == ANTHROPIC else "openai"))


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
