# /// script
# requires-python = ">=3.11"
# dependencies = ["pyjwt[crypto]>=2.10.1"]
# ///
"""A WSGI application that lets in whoever the gateway vouches for, and nobody else."""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import make_server

from assertion import AssertionVerifier, KeysUnavailableError, RejectedError

verifier = AssertionVerifier(
    issuer=os.environ["ASSERTION_ISSUER"],  # https://auth.example.com
    audience=os.environ["ASSERTION_AUDIENCE"],  # app.example.com, never the Host of the request
    jwks_url=os.environ["ASSERTION_JWKS_URL"],  # https://auth.example.com/.well-known/jwks.json
)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with who is asking."""
    try:
        # WSGI joins two header lines with a comma, and that is no token.
        claims = verifier.claims(environ.get("HTTP_X_AUTH_ASSERTION", ""))
    except RejectedError:
        start_response("401 Unauthorized", [])
        return []
    except KeysUnavailableError:
        start_response("503 Service Unavailable", [("Retry-After", "30")])
        return []
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(claims).encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ.get("PORT", "8080")), application).serve_forever()
