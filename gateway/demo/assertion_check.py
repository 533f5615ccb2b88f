"""How an application verifies the signed identity (X-Auth-Assertion), instead of believing a header."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from gateway.errors import TokenInvalid, UnknownKey
from gateway.identity.assertion import TYP
from gateway.keys.jwks import KeySet, Profile, verify


class AssertionCheck:
    """Verifies assertions of one gateway for one audience. `client` fetches the key set from `jwks_url`."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks_url: str,
        client: httpx.AsyncClient,
        clock: Callable[[], float],
    ) -> None:
        self._profile = Profile(typ=frozenset({TYP}), algorithms=("ES256",), issuer=issuer, audience=audience)
        self._jwks_url = jwks_url
        self._client = client
        self._clock = clock
        self._keys = KeySet(())

    async def claims(self, assertion: str) -> Mapping[str, Any]:
        """The claims of a good assertion; `TokenInvalid` says what is wrong with any other."""
        try:
            return verify(assertion, self._keys, self._profile, self._clock())
        except UnknownKey:  # the first one, or the first after a rotation
            self._keys = await self._fetched()
        return verify(assertion, self._keys, self._profile, self._clock())

    async def _fetched(self) -> KeySet:
        try:
            answer = await self._client.get(self._jwks_url)
            answer.raise_for_status()
            document = answer.json()
        except (httpx.HTTPError, ValueError):
            raise TokenInvalid("the key set cannot be fetched") from None
        return KeySet.parse(document if isinstance(document, dict) else {})
