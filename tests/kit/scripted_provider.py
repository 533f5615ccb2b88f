"""An OpenID provider that follows a script: strict by default, and wrong on demand.

`ScriptedProvider.answer` turns an `Ask` into an `Answer` without any network, so a flow can be cranked by hand.
`serve` puts the same provider on a loopback port, for browsers and real HTTP clients.
"""

import asyncio
import base64
import functools
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.errors import ProviderUnavailable
from gateway.providers.provider import Answer, Ask

JSON = {"content-type": "application/json"}

# A claim to change for each misbehaviour of the ID token; `None` takes the claim away.
LIES: Mapping[str, Mapping[str, Any]] = {
    "wrong_nonce": {"nonce": "another"},
    "empty_nonce": {"nonce": ""},
    "no_nonce": {"nonce": None},
    "wrong_iss": {"iss": "https://evil.example"},
    "slashed_iss": {"iss": "https://idp.example.test/"},
    "no_iss": {"iss": None},
    "wrong_aud": {"aud": "another-client"},
    "empty_aud": {"aud": []},
    "no_aud": {"aud": None},
    "several_aud_no_azp": {"aud": ["gateway", "another-client"]},
    "several_aud_other_azp": {"aud": ["gateway", "another-client"], "azp": "another-client"},
    "other_azp": {"azp": "another-client"},
    "expired": {"exp": 1},
    "no_exp": {"exp": None},
    "endless_exp": {"exp": float("inf")},
    "future_iat": {"iat": 4_000_000_000},
    "no_iat": {"iat": None},
    "no_sub": {"sub": None},
    "empty_sub": {"sub": ""},
    "numeric_sub": {"sub": 7},
    "long_sub": {"sub": "s" * 256},
    "broken_sub": {"sub": "a\r\nX-Role: admin"},
    "wrong_at_hash": {"at_hash": "A" * 22},
    "short_at_hash": {"at_hash": "A"},
}


@functools.cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Made once for a test run: making one takes a noticeable time."""
    return rsa.generate_private_key(65537, 2048)


@functools.cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Key:
    kid: str | None
    algorithm: str = "RS256"

    @property
    def private(self) -> Any:
        return (rsa_key if self.algorithm.startswith("RS") else ec_key)(str(self.kid))

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def jwk(self) -> dict[str, Any]:
        kind = jwt.algorithms.RSAAlgorithm if self.algorithm.startswith("RS") else jwt.algorithms.ECAlgorithm
        public = kind.to_jwk(self.private.public_key(), as_dict=True)
        named = {"kid": self.kid} if self.kid else {}
        return {**public, **named, "use": "sig", "alg": self.algorithm}


@dataclass
class ScriptedProvider:
    """Every public field may be changed in the middle of a test.

    `lie` is a name out of `LIES`; `claims` are merged into every ID token, `userinfo` into every userinfo answer.
    `sign` is `good`, `none`, `hs256_public_key` or `bad`. `instead` gives the next answers of a path out of turn:
    an `Answer`, or an exception to raise. Within `window` seconds a spent refresh token yields its successor again.
    Served on a port, a token request takes `there` seconds to arrive and its answer `back` seconds to return.
    `client_jwk` is the client's public key where `client_auth` is `private_key_jwt`; assertions are checked as FAPI 2.0
    has it, and taken once. Requests are pushed to `/par`, whose names serve once too.
    """

    clock: Callable[[], float]
    issuer: str = "https://idp.example.test"
    client_id: str = "gateway"
    client_secret: str = "s3cr3t: +ü"
    client_auth: str = "basic"
    client_jwk: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    lie: str = ""
    sign: str = "good"
    rotates: bool = True
    offers_refresh: bool = True
    refreshes_id_token: bool = True
    expires_in: Any = 300
    window: float = 0.0
    there: float = 0.0
    back: float = 0.0
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "u-1",
            "preferred_username": "alice",
            "name": "Alice Example",
            "email": "alice@example.com",
            "email_verified": True,
            "groups": ["staff"],
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    in_userinfo_only: frozenset[str] = frozenset()
    metadata: dict[str, Any] = field(default_factory=dict)
    token_extra: dict[str, Any] = field(default_factory=dict)
    instead: dict[str, list[Answer | Exception]] = field(default_factory=dict)
    raw: list[bytes | None] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    published: list[Key] = field(default_factory=list)
    header: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signing = Key("k1", self.algorithm)
        self.published = self.published or [self.signing]
        self.codes: dict[str, dict[str, str]] = {}
        self.refreshable: dict[str, str] = {}
        self.spent: set[str] = set()
        self.successors: dict[str, tuple[float, Answer]] = {}
        self.subjects: dict[str, str] = {}
        self.issued = 0
        self.assertions: set[str] = set()
        self.pushed: dict[str, Mapping[str, str]] = {}

    # What a test does to it

    def rotate_keys(self, kid: str = "k2") -> None:
        """Sign with a new key, and publish only that."""
        self.signing = Key(kid, self.algorithm)
        self.published = [self.signing]

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [urlsplit(ask.url).path for ask in self.asked]

    def sign_in(self, url: str) -> dict[str, str]:
        """What the browser brings back from this authorization request, whose every parameter is checked."""
        asked = parse_qs(urlsplit(url).query)
        assert all(len(values) == 1 for values in asked.values()), "a parameter occurs twice"
        request = {name: values[0] for name, values in asked.items()}
        if "request_uri" in request:
            assert set(request) == {"client_id", "request_uri"}, "what was pushed stands in the address too"
            request = dict(self.pushed.pop(request["request_uri"]))
        assert request["response_type"] == "code"
        assert request["client_id"] == self.client_id
        assert request["code_challenge_method"] == "S256"
        assert "openid" in request["scope"].split()
        assert len(request["code_challenge"]) == 43
        code = self._fresh("code")
        self.codes[code] = request
        return {"code": code, "state": request["state"], "iss": self.issuer}

    def arrives(self, path: str) -> None:
        """A request has come in, on a port; it takes effect after `there`."""

    # The provider itself

    def answer(self, ask: Ask) -> Answer:
        """Answer one request; raises what `instead` says."""
        self.asked.append(ask)
        path = urlsplit(ask.url).path
        if self.instead.get(path):
            scripted = self.instead[path].pop(0)
            if isinstance(scripted, Exception):
                raise scripted
            return scripted
        if not ask.url.startswith(self.issuer + "/"):
            return reply(404, {})
        route = path.removeprefix(urlsplit(self.issuer).path)
        routes: dict[str, Callable[[Ask], Answer]] = {
            "/.well-known/openid-configuration": self._discovery,
            "/keys": lambda ask: reply(200, {"keys": [key.jwk for key in self.published]}),
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/revoke": self._revoke,
            "/par": self._push,
        }
        return routes[route](ask) if route in routes else reply(404, {})

    def _discovery(self, ask: Ask) -> Answer:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": [self.algorithm],
            "authorization_response_iss_parameter_supported": True,
        }
        return reply(200, without_none({**document, **self.metadata}))

    def _token(self, ask: Ask) -> Answer:
        form = ask.form
        if form is None or not self._is_client(ask):
            return reply(401, {"error": "invalid_client"})
        if form.get("grant_type") == "authorization_code":
            return self._redeem(form)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form)
        return reply(400, {"error": "unsupported_grant_type"})

    def _revoke(self, ask: Ask) -> Answer:
        form = ask.form
        if form is None or not self._is_client(ask):
            return reply(401, {"error": "invalid_client"})
        self.refreshable.pop(form.get("token", ""), None)
        return Answer(200, {}, b"", None)

    def _push(self, ask: Ask) -> Answer:
        form = ask.form
        if form is None or not self._is_client(ask):
            return reply(401, {"error": "invalid_client"})
        if "request_uri" in form or form.get("client_id") != self.client_id:
            return reply(400, {"error": "invalid_request"})
        name = f"urn:ietf:params:oauth:request_uri:{self._fresh('pushed')}"
        proofs = ("client_assertion", "client_assertion_type", "client_secret")
        self.pushed[name] = {key: value for key, value in form.items() if key not in proofs}
        return reply(201, {"request_uri": name, "expires_in": 60})

    def _has_signed(self, form: Mapping[str, str]) -> bool:
        """RFC 7523 section 3, with the audience of RFC 7523bis, and each assertion once."""
        if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return False
        token = form.get("client_assertion", "")
        try:
            key = jwt.PyJWK(dict(self.client_jwk), jwt.get_unverified_header(token)["alg"])
            claims = jwt.decode(token, key, ["ES256", "PS256", "RS256", "EdDSA"], {"verify_signature": True, "verify_exp": False, "verify_iat": False, "verify_aud": False})  # fmt: skip
        except jwt.PyJWTError:
            return False
        now, used = self.clock(), claims["jti"] in self.assertions
        self.assertions.add(claims["jti"])
        return (
            not used
            and jwt.get_unverified_header(token)["kid"] == self.client_jwk["kid"]
            and claims["iss"] == claims["sub"] == form.get("client_id") == self.client_id
            and claims["aud"] == self.issuer
            and claims["iat"] <= now < claims["exp"] <= claims["iat"] + 60
        )

    def _is_client(self, ask: Ask) -> bool:
        form, authorization = ask.form or {}, ask.headers.get("authorization", "")
        if self.client_auth == "private_key_jwt":
            return not authorization and "client_secret" not in form and self._has_signed(form)
        if not self.client_secret:
            return form.get("client_id") == self.client_id and not authorization
        if self.client_auth == "post":
            pair = (form.get("client_id"), form.get("client_secret"))
            return pair == (self.client_id, self.client_secret) and not authorization
        if not authorization.startswith("Basic ") or "client_secret" in form:
            return False
        name, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        return (unquote_plus(name), unquote_plus(secret)) == (self.client_id, self.client_secret)

    def _redeem(self, form: Mapping[str, str]) -> Answer:
        request = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            request is None
            or request["redirect_uri"] != form.get("redirect_uri")
            or request["code_challenge"] != challenge
        ):
            return reply(400, {"error": "invalid_grant"})
        return self._issue({"nonce": request["nonce"]}, id_token=True)

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        token = form.get("refresh_token", "")
        spent_at, successor = self.successors.get(token, (float("-inf"), reply(400, {})))
        if self.clock() - spent_at < self.window:
            return successor
        if token in self.spent:
            self.refreshable.clear()  # reuse ends the whole grant
        if self.refreshable.pop(token, None) is None:
            return reply(400, {"error": "invalid_grant"})
        if self.rotates:
            self.spent.add(token)
        else:
            self.refreshable[token] = "again"
        subject = {"sub": self.subjects[token]} if token in self.subjects else {}
        answer = self._issue(subject, id_token=self.refreshes_id_token, rotate=self.rotates)
        if self.rotates:
            self.successors[token] = self.clock(), answer
        return answer

    def _issue(self, claims: Mapping[str, Any], *, id_token: bool, rotate: bool = True) -> Answer:
        access = self._fresh("access")
        body: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.expires_in}
        if self.offers_refresh and rotate:
            body["refresh_token"] = self._fresh("refresh")
            self.refreshable[body["refresh_token"]] = "first"
            self.subjects[body["refresh_token"]] = claims.get("sub", self.person["sub"])
        if id_token:
            body["id_token"] = self.id_token(access, claims)
        return reply(200, without_none({**body, **self.token_extra}))

    def id_token(self, access: str, claims: Mapping[str, Any]) -> str:
        """An ID token as the script wants it."""
        now = int(self.clock())
        half = hashlib.sha256(access.encode()).digest()[:16]
        good = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 120,
            "auth_time": now,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        person = {name: value for name, value in self.person.items() if name not in self.in_userinfo_only}
        return self.signed(
            without_none({**good, **person, **claims, **self.claims, **LIES.get(self.lie, {})})
        )

    def signed(self, claims: Mapping[str, Any]) -> str:
        """A JWS by hand, so that a forged one is as easy as a good one."""
        named = {"kid": self.signing.kid} if self.signing.kid else {}
        algorithm = {"none": "none", "hs256_public_key": "HS256"}.get(self.sign, self.algorithm)
        header = without_none({"alg": algorithm, **named, **self.header})
        message = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        return f"{message}.{_b64(self._signature(message.encode()))}"

    def _signature(self, message: bytes) -> bytes:
        if self.sign == "none":
            return b""
        if self.sign == "hs256_public_key":
            return hmac.new(self.signing.public_pem, message, hashlib.sha256).digest()
        private = self.signing.private if self.sign == "good" else Key("mallory", self.algorithm).private
        return jwt.get_algorithm_by_name(self.algorithm).sign(message, private)

    def _userinfo(self, ask: Ask) -> Answer:
        if not ask.headers.get("authorization", "").startswith("Bearer access-"):
            return reply(401, {"error": "invalid_token"})
        return reply(200, without_none({**self.person, **self.userinfo}))

    def _fresh(self, kind: str) -> str:
        self.issued += 1
        return f"{kind}-{self.issued}"


def reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    raw = json.dumps(body).encode()
    return Answer(status, {**JSON, **(headers or {})}, raw, body if isinstance(body, dict) else None)


def page(status: int = 200, text: str = "<html>Maintenance</html>") -> Answer:
    """An HTML page where JSON was wanted."""
    return Answer(status, {"content-type": "text/html"}, text.encode(), None)


def without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def crank(flow: Any, answer: Callable[[Ask], Answer]) -> Any:
    """Drive a flow by hand: no network, no waiting. Returns what it returns, raises what it raises."""
    try:
        ask = next(flow)
        while True:
            try:
                reply_to_it = answer(ask)
            except ProviderUnavailable as fault:
                ask = flow.throw(fault)
            else:
                ask = flow.send(reply_to_it)
    except StopIteration as end:
        return end.value
    finally:
        flow.close()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@asynccontextmanager
async def serve(provider: ScriptedProvider) -> AsyncIterator[str]:
    """The provider on a free loopback port; `provider.issuer` becomes its address. Signs in whoever comes.

    `raw` may hold bytes to send as they are, or `None` for silence, in place of the next answers.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            method, target, headers, body = await _request(reader)
            if provider.raw:
                scripted = provider.raw.pop(0)
                if scripted is None:
                    await reader.read()  # until the client gives up
                else:
                    writer.write(scripted)
            else:
                provider.arrives(urlsplit(target).path)
                slow = urlsplit(target).path.endswith("/token")
                await asyncio.sleep(provider.there if slow else 0)
                if reader.at_eof():  # whoever asked is gone, and nothing has been done yet
                    return
                answer = _respond(provider, method, target, headers, body)
                await asyncio.sleep(provider.back if slow else 0)
                writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider.issuer
    finally:
        server.close()
        await server.wait_closed()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    lines = [line.partition(":") for line in head[1:] if line]
    headers = {name.lower(): value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return method, target, headers, body


def _respond(
    provider: ScriptedProvider, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> bytes:
    url = provider.issuer + target
    if urlsplit(url).path.endswith("/authorize"):
        redirect_uri = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        location = f"{redirect_uri}?{urlencode(provider.sign_in(url))}"
        return f"HTTP/1.1 303 See Other\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()} if method == "POST" else None
    answer = wire(provider.answer(Ask(url, form=form, headers=headers)))
    return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else answer


def wire(answer: Answer, extra: str = "") -> bytes:
    """An answer as it goes over the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = f"HTTP/1.1 {answer.status} X\r\n{lines}{extra}content-length: {len(answer.body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + answer.body
