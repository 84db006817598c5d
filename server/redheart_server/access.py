"""Who may ask for what, and how often: keys with scopes, or whoever reaches the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from redheart_server.addresses import Addresses
from redheart_server.keys import Key, find_key, read_keys
from redheart_server.problems import ProblemError
from redheart_server.rates import Bucket

_REALM = 'Bearer realm="redheart"'
_BEARER = HTTPBearer(auto_error=False, scheme_name="key", description="A token of `redheart serve keys add`")


class Access:
    """The keys of a server and what is left of their rates; without a file everybody who reaches it may ask.

    Args:
        path: The file of keys.
        addresses: How often each address may ask where there is no file; None for as often as it likes.
    """

    def __init__(self, path: Path | None = None, addresses: Addresses | None = None) -> None:
        self._path, self._addresses = path, addresses
        self._buckets: dict[str, Bucket] = {}
        self._keys: tuple[Key, ...] = ()
        self.reload()

    @property
    def asks(self) -> bool:
        """Whether a key has to be shown."""
        return self._path is not None

    def reload(self) -> None:
        """Read the keys again.

        Raises:
            SettingsError: The file is missing or wrong; the keys from before hold on.
        """
        if self._path is not None:
            self._keys = read_keys(self._path)

    def check(self, token: str | None, scope: str) -> Key | None:
        """The key of a request; None where no keys are asked for.

        Raises:
            ProblemError: There is none, it is not good, or it lacks the scope.
        """
        if self._path is None:
            return None
        if token is None:
            raise _refused(401, "this needs a key; send the header Authorization: Bearer KEY", _REALM)
        key = find_key(self._keys, token)
        if key is None:
            raise _refused(401, "the key is unknown or revoked; ask for a new one", f'{_REALM}, error="invalid_token"')
        if scope not in key.scopes:
            said = f"the key {key.name} has no scope {scope} (it has {', '.join(key.scopes)}); ask for one that has"
            raise _refused(403, said, f'{_REALM}, error="insufficient_scope", scope="{scope}"')
        return key

    def admit(self, key: Key | None, request: Request) -> dict[str, str]:
        """Count a request; returns header fields of its response.

        Raises:
            ProblemError: It is one too many.
        """
        if key is None:
            return {} if self._addresses is None else self._addresses.admit(request)
        bucket = self._buckets.get(key.id)
        if bucket is None or bucket.per_minute != key.per_minute:
            bucket = self._buckets[key.id] = Bucket(key.per_minute)
        taken = bucket.take()
        if not taken.passes:
            said = f"the key {key.name} may ask {key.per_minute} times a minute; ask again in {taken.wait_s} s"
            raise ProblemError(429, said, retry_after_s=taken.wait_s, headers=taken.headers("key"))
        return taken.headers("key")


def needs(access: Access, scope: str) -> Any:
    """A dependency of routes that a key with this scope may ask for."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None
    ) -> None:
        key = access.check(None if given is None else given.credentials, scope)
        request.state.headers = access.admit(key, request)

    return Depends(check)


def _refused(status: int, said: str, challenge: str) -> ProblemError:
    return ProblemError(status, said, headers={"www-authenticate": challenge})
