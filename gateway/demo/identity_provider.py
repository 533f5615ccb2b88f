"""A small OpenID provider for the demo and the tests: two people, no passwords, loopback only.

It signs ID tokens with ES256, demands PKCE S256, rotates refresh tokens, and remembers the person in a cookie, so
that single sign-on can be seen. It keeps everything in memory and MUST NOT be used for anything real: whoever reaches
it may sign in as anybody.
"""

import hmac
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.demo import authorization
from gateway.demo.authorization import Client, Request, read_request
from gateway.demo.grants import Grants, SignIn, Tokens
from gateway.demo.look import style_sheet
from gateway.demo.people import PEOPLE, Person
from gateway.demo.provider_pages import NO_STORE, UNKNOWN, chooser, said
from gateway.errors import Malformed, ProviderRefused
from gateway.keys.jwks import public_jwks, sign
from gateway.keys.keyring import Keyring

COOKIE = "demo-provider"
ID_TOKEN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Seat:
    """A browser in which somebody signed in, and when."""

    person: Person
    at: int


class IdentityProvider:
    """The provider as an ASGI application (`app`). `issuer` is its address, without a slash at the end."""

    def __init__(
        self,
        issuer: str,
        clients: tuple[Client, ...],
        ring: Keyring,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        *,
        access_lifetime: float = 300.0,
    ) -> None:
        self._issuer = issuer
        self._clients = {client.id: client for client in clients}
        self._ring = ring
        self._clock = clock
        self._grants = Grants(clock, random, access_lifetime)
        self._seats: dict[str, _Seat] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/authorize", self._choose, methods=["POST"]),
                Route("/token", self._token, methods=["POST"]),
                Route("/userinfo", self._userinfo, methods=["GET", "POST"]),
                Route("/end_session", self._end_session, methods=["GET", "POST"]),
                Route("/look.css", self._look),
            ]
        )

    # What it says about itself

    async def _metadata(self, _request: HttpRequest) -> Response:
        at = self._issuer
        return JSONResponse(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "userinfo_endpoint": f"{at}/userinfo",
                "jwks_uri": f"{at}/jwks",
                "end_session_endpoint": f"{at}/end_session",
                "authorization_response_iss_parameter_supported": True,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "email", "groups", "offline_access"],
                "claims_supported": ["sub", "name", "preferred_username", "email", "groups", "auth_time"],
            }
        )

    async def _jwks(self, _request: HttpRequest) -> Response:
        return JSONResponse(public_jwks(self._ring))

    async def _look(self, _request: HttpRequest) -> Response:
        return Response(style_sheet(), media_type="text/css")

    # Where people come

    async def _authorize(self, request: HttpRequest) -> Response:
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        try:
            asked = read_request(pairs, self._clients)
        except Malformed:
            return said("Nothing to sign in to", UNKNOWN, status=400)
        seat = self._seat(request, asked)
        if asked.error:
            return _away(asked.answer(self._issuer, error=asked.error))
        if asked["prompt"] == "none":
            if seat is None:
                return _away(asked.answer(self._issuer, error="login_required"))
            return _away(self._agreed(asked, seat))
        return said("Who are you?", chooser(asked, seat.person if seat else None), form_action=asked.origin)

    async def _choose(self, request: HttpRequest) -> Response:
        form = dict(await _form(request))
        person = next((p for p in PEOPLE if p.subject == form.get("person")), None)
        try:
            asked = read_request([(n, form[n]) for n in authorization.FIELDS if n in form], self._clients)
        except Malformed:
            person = None
        if person is None or asked.error:
            return said("Nothing to sign in to", UNKNOWN, status=400)
        seat = self._seat(request, asked)
        if seat is None or seat.person != person:
            seat = _Seat(person, int(self._clock()))
        response = _away(self._agreed(asked, seat))
        # A new value for each sign-in; SameSite=Lax, as the browser comes back here from the gateway's address.
        name = self._grants.new_id()
        self._seats.pop(request.cookies.get(COOKIE, ""), None)
        self._seats[name] = seat
        response.set_cookie(COOKIE, name, httponly=True, samesite="lax")
        return response

    async def _end_session(self, request: HttpRequest) -> Response:
        given = dict(parse_qsl(request.url.query)) | dict(await _form(request))
        self._seats.pop(request.cookies.get(COOKIE, ""), None)
        client = self._clients.get(given.get("client_id", ""))
        back = given.get("post_logout_redirect_uri", "")
        if client is None or back not in client.post_logout_uris:
            response: Response = said("Signed out", "<p>You are signed out of the demo provider.</p>")
        else:
            state = urlencode({"state": given["state"]}) if given.get("state") else ""
            response = _away(f"{back}?{state}" if state else back)
        response.delete_cookie(COOKIE)
        return response

    def _seat(self, request: HttpRequest, asked: Request) -> _Seat | None:
        """Who signed in here before, unless the request wants a fresh sign-in (OpenID Connect Core 3.1.2.1)."""
        seat = self._seats.get(request.cookies.get(COOKIE, ""))
        if seat is None or asked["prompt"] in {"login", "select_account"}:
            return None
        too_old = asked["max_age"] != "" and self._clock() - seat.at > int(asked["max_age"])
        return None if too_old else seat

    def _agreed(self, asked: Request, seat: _Seat) -> str:
        sign_in = SignIn(
            asked.client.id,
            seat.person,
            tuple(asked["scope"].split()),
            asked["nonce"],
            seat.at,
            self._grants.new_id(),
        )
        code = self._grants.code(sign_in, asked["redirect_uri"], asked["code_challenge"])
        return asked.answer(self._issuer, code=code)

    # Where clients come

    async def _token(self, request: HttpRequest) -> Response:
        pairs = await _form(request)
        form = dict(pairs)
        if len(form) != len(pairs):
            return _refusal("invalid_request")
        client = self._authenticated(request.headers.get("authorization", ""), form)
        if client is None:
            return _refusal("invalid_client", 401)
        try:
            tokens = self._granted(form, client)
        except ProviderRefused as refused:
            return _refusal(refused.error)
        if tokens is None:
            return _refusal("unsupported_grant_type")
        return JSONResponse(self._token_answer(tokens, form), headers=NO_STORE)

    def _granted(self, form: Mapping[str, str], client: Client) -> Tokens | None:
        match form.get("grant_type"):
            case "authorization_code":
                return self._grants.redeem(
                    form.get("code", ""),
                    client.id,
                    form.get("redirect_uri", ""),
                    form.get("code_verifier", ""),
                )
            case "refresh_token":
                return self._grants.renew(form.get("refresh_token", ""), client.id)
        return None

    def _authenticated(self, authorization_line: str, form: Mapping[str, str]) -> Client | None:
        """client_secret_basic or client_secret_post, never both (RFC 6749 section 2.3)."""
        basic = re.fullmatch(r"[Bb]asic +([A-Za-z0-9+/]+=*)", authorization_line)
        if basic and "client_secret" in form:
            return None
        name, secret = form.get("client_id", ""), form.get("client_secret", "")
        if basic:
            try:
                name, _, secret = b64decode(basic[1], validate=True).decode("ascii").partition(":")
            except ValueError:
                return None
            name, secret = unquote_plus(name), unquote_plus(secret)
        client = self._clients.get(name)
        right = client is not None and hmac.compare_digest(client.secret.encode(), secret.encode())
        return client if right else None

    def _token_answer(self, tokens: Tokens, form: Mapping[str, str]) -> dict[str, Any]:
        # OpenID Connect Core section 12.2: the token of a refresh carries no nonce, and the first auth_time.
        nonce = tokens.sign_in.nonce if form["grant_type"] == "authorization_code" else ""
        return {
            "access_token": tokens.access,
            "token_type": "Bearer",
            "expires_in": tokens.expires_in,
            "refresh_token": tokens.refresh,
            "scope": " ".join(tokens.sign_in.scopes),
            "id_token": self._id_token(tokens.sign_in, nonce),
        }

    def _id_token(self, sign_in: SignIn, nonce: str) -> str:
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "aud": sign_in.client_id,
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
            "auth_time": sign_in.at,
            "sid": sign_in.sid,
            **_claims(sign_in.person),
        }
        return sign(self._ring, claims | ({"nonce": nonce} if nonce else {}), "JWT")

    async def _userinfo(self, request: HttpRequest) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = self._grants.person(token) if scheme.lower() == "bearer" else None
        if person is None:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, 401, challenge)
        return JSONResponse(_claims(person), headers=NO_STORE)


def _away(address: str) -> Response:
    return RedirectResponse(address, 303, NO_STORE)


def _refusal(error: str, status: int = 400) -> Response:
    return JSONResponse({"error": error}, status, NO_STORE)


async def _form(request: HttpRequest) -> list[tuple[str, str]]:
    return parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


def _claims(person: Person) -> dict[str, Any]:
    return {
        "sub": person.subject,
        "preferred_username": person.user,
        "name": person.name,
        "email": person.email,
        "email_verified": True,
        "groups": list(person.groups),
    }
