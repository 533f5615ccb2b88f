"""Canaille, the identity provider that `pytest-iam` carries, on a loopback port; runs in the environment of live tests.

Set up by one JSON object on the command line. Prints one line of JSON, {"issuer": ...}, when it accepts connections.
One person is signed in there already: Ada, of the group admins. Without `audience` its ID tokens name none.
"""

import json
import os
import secrets
import socket
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain HTTP, to this machine alone

from canaille import create_app
from canaille.backends import Backend
from joserfc.jwk import JWKRegistry
from pytest_iam import Server

QUIET = {"version": 1, "disable_existing_loggers": True, "loggers": {}}


def configuration(port, seconds):
    """As the fixture of pytest-iam writes it, with tokens that end after so many seconds."""
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": secrets.token_urlsafe(),
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "OAUTH2_TOKEN_EXPIRES_IN": {"authorization_code": seconds, "refresh_token": seconds},
        "CANAILLE": {
            "DATABASE": "memory",
            "JAVASCRIPT": False,
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}},
            "LOGGING": QUIET,
        },
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [key.as_dict(private=True)]},
    }


def register(server, options):
    """The gateway as a client, and Ada, who has agreed to it."""
    models, backend = server.models, server.backend
    client = models.Client(
        client_id="gateway",
        client_secret=options["client_secret"],
        client_name="gateway",
        client_uri="http://localhost",
        redirect_uris=options["redirect_uris"],
        grant_types=["authorization_code", "refresh_token"],
        response_types=["code"],
        scope=["openid", "profile", "email", "groups"],
        token_endpoint_auth_method="client_secret_basic",
    )
    backend.save(client)
    if options.get("audience", True):
        backend.update(client, audience=[client])
        backend.save(client)
    ada = models.User(
        user_name="ada", formatted_name="Ada Admin", family_name="Admin", emails=["ada@example.com"]
    )
    backend.save(ada)
    backend.save(models.Group(display_name="admins", members=[ada]))
    return ada


def main():
    options = json.loads(sys.argv[1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    seconds = options.get("access_token_ttl", 3600)
    server = Server(create_app(config=configuration(port, seconds)), port, Backend.instance)
    with server.app.app_context():
        ada = register(server, options)
        server.login(ada)
        server.consent(ada)
        print(json.dumps({"issuer": f"http://localhost:{port}"}), flush=True)
        server.httpd.serve_forever()


if __name__ == "__main__":
    main()
