"""The same proxies in other surroundings: a host of its own, one port, a Unix socket, other header names."""

import json

import pytest

from gateway.sessions.cookie import attempt_cookie, session_cookie
from tests.kit.certificates import write_certificate
from tests.kit.echo_app import reached, values
from tests.kit.proxies import STARTS
from tests.kit.scene import APP, AUTH, open_scene

pytestmark = pytest.mark.live

IDENTITY_ALIASES = [
    "Remote_User",
    "Remote.User",
    "Remote!User",
    "Remote~User",
    "X_Who_Groups",
    "X-Who_Groups",
]


@pytest.mark.parametrize("kind", STARTS)
def test_a10_beside_the_application_the_gateway_has_a_host_of_its_own(kind, tmp_path):
    """auth. beside app.: pages on the one, checks on the other, and /verify on neither."""
    scene = open_scene(kind, tmp_path, layout="beside")
    try:
        page = scene.ask("/auth/login", host=AUTH)
        outside = [
            scene.ask(path, host=AUTH)
            for path in ("/verify/forward-auth", "/verify", "/verify/auth-request/login")
        ]
        protected = scene.ask("/x")
        said = reached(scene.ask("/x", signed_in=True))

        assert json.loads(page.body)["gateway"]
        assert [answer.status for answer in outside] == [404, 404, 404]
        assert protected.status == 401
        assert ["x-auth-user", "alice"] in [[name.lower(), value] for name, value in said["headers"]]
    finally:
        scene.stop()


@pytest.mark.parametrize("kind", STARTS)
def test_a10_one_port_for_everything_is_guarded_by_the_secret(kind, tmp_path):
    """The proxy adds the secret on its own questions, takes away a client's, and shows it to nobody."""
    changes = {"server": {"verify_secret": "s3cret-of-the-proxy", "verify_bind": "same"}}
    environment = {"GATEWAY_VERIFY_SECRET": "s3cret-of-the-proxy"}
    scene = open_scene(kind, tmp_path, layout="beside", changes=changes, environment=environment)
    try:
        forged = [("X-Gateway-Secret", "evil"), ("X_Gateway_Secret", "evil")]
        outside = scene.ask("/verify/forward-auth", host=AUTH, headers=forged)
        scene.ask("/auth/login", host=AUTH, headers=forged)
        said = reached(scene.ask("/x", signed_in=True, headers=forged))
        refused = scene.ask("/x", headers=forged)

        assert outside.status == 404
        assert refused.status == 401
        assert values(said, "x-auth-user") == ["alice"]
        assert scene.gateway.asked
        assert all(q.all("x-gateway-secret") == ["s3cret-of-the-proxy"] for q in scene.gateway.asked)
        for headers in (
            said["headers"],
            *(request.headers for request in scene.gateway.visited),
            refused.headers,
        ):
            assert "evil" not in json.dumps(headers)
            assert "s3cret" not in json.dumps(headers)
    finally:
        scene.stop()


@pytest.mark.parametrize("kind", STARTS)
def test_a03_identity_headers_of_other_names_are_guarded_as_well(kind, tmp_path):
    """Names of the operator's own choice, outside of the usual prefix, in every alias."""
    changes = {"headers": {"user": "Remote-User", "groups": "X-Who-Groups", "email": None}}
    scene = open_scene(kind, tmp_path, changes=changes)
    try:
        forged = [
            (name, "evil") for name in ["Remote-User", "remote-user", "X-Who-Groups", *IDENTITY_ALIASES]
        ]
        public = reached(scene.ask("/public", headers=forged))
        said = reached(scene.ask("/x", headers=[*forged, ("X-Auth-User", "evil")], signed_in=True))

        for one in (public, said):
            assert "evil" not in json.dumps(one)
        assert said["environ"]["HTTP_REMOTE_USER"] == "alice"
        assert said["environ"]["HTTP_X_WHO_GROUPS"] == "staff,admins"
    finally:
        scene.stop()


@pytest.mark.parametrize("kind", ["nginx", "nginx-newest", "caddy", "haproxy"])
def test_the_verify_endpoints_may_stand_on_a_unix_socket(kind, tmp_path, tmp_path_factory):
    """Where the proxy can ask over a socket, the file permissions guard it."""
    socket = str(tmp_path_factory.mktemp("s") / "v.sock")
    ports = {"bind": f"unix:{socket}.public", "verify_bind": f"unix:{socket}"}
    scene = open_scene(kind, tmp_path, changes={"server": ports})
    try:
        refused = scene.ask("/x")
        said = reached(scene.ask("/x", signed_in=True))
        page = scene.ask("/_gateway/auth/login")

        assert refused.status == 401
        assert said is not None
        assert json.loads(page.body)["gateway"]
    finally:
        scene.stop()


@pytest.mark.parametrize("layout", ["one-host", "beside"])
@pytest.mark.parametrize("kind", STARTS)
def test_40_over_tls_the_prefixed_cookies_stop_at_the_proxy_and_https_is_said(kind, layout, tmp_path):
    """__Host- and __Secure- cookies work, are removed by their real names, and the scheme is the proxy's word."""
    certificate = write_certificate(tmp_path / "both.pem", APP, AUTH)
    scene = open_scene(kind, tmp_path, layout=layout, certificate=certificate)
    try:
        session, attempt = session_cookie(scene.settings).name, attempt_cookie(scene.settings).name
        cookies = f"a=1; {attempt}=evil; {scene.gateway.cookie}; b=2"
        said = reached(scene.ask("/x", headers=[("Cookie", cookies), ("X-Forwarded-Proto", "evil")]))
        login = scene.ask("/x", headers=[("Accept", "text/html")])

        assert session == {"one-host": "__Host-gw", "beside": "__Secure-gw"}[layout]
        assert "; ".join(values(said, "cookie")).strip("; ") == "a=1; b=2"
        assert values(said, "x-forwarded-proto") == ["https"]
        assert values(said, "x-auth-user") == ["alice"]
        assert login.status == 303
        assert login.first("location").startswith(f"{scene.settings.public_url}/auth/login?rd=")
    finally:
        scene.stop()
