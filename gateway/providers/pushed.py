"""Pushed authorization requests (RFC 9126): the parameters go to the provider directly, and the browser carries a name.

So nobody in the browser can read or change them, and the provider knows who asks before a person is shown anything.
"""

import re
from collections.abc import Mapping

from gateway.errors import ProviderLied
from gateway.providers.client_auth import Client
from gateway.providers.discovery import Metadata
from gateway.providers.oauth import Explain, json_object, refuse_errors, with_query
from gateway.providers.profile import SecurityProfile
from gateway.providers.provider import Answer, Flow

# Section 2.2: most are urn:ietf:params:oauth:request_uri:…; a URI that fits an address line in any case.
_REQUEST_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,1000}")


def way_there(
    client: Client,
    profile: SecurityProfile,
    metadata: Metadata,
    parameters: Mapping[str, str],
    explain: Explain,
) -> Flow[str]:
    """The address that the browser is sent to: with the parameters, or with the name of those that were pushed.

    Raises `ProviderFault` where they have to be pushed and the provider does not take them. There is no other way
    then: an attacker who can break one request would choose the way for us.
    """
    endpoint = profile.pushing_endpoint(metadata)
    if not endpoint:
        return with_query(metadata.authorization_endpoint, parameters)
    answer = yield client.token_ask(endpoint, parameters, metadata)
    named = {"client_id": client.id, "request_uri": _request_uri(client.provider, answer, explain)}
    return with_query(metadata.authorization_endpoint, named)


def _request_uri(provider: str, answer: Answer, explain: Explain) -> str:
    # Section 2.2: 201. Some say 200, which means the same.
    if answer.status != 201 or answer.json is None or "error" in answer.json:
        # No time is at hand; a wait that is told as a date counts as the longest.
        refuse_errors(provider, answer, 0, explain)
    uri = json_object(provider, answer).get("request_uri")
    if not isinstance(uri, str) or not _REQUEST_URI.fullmatch(uri):
        raise ProviderLied(provider, "pushed authorization request: request_uri")
    return uri
