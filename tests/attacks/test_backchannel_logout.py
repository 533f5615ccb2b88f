"""Logouts that a provider tells of: forged, replayed, confused with other tokens, or sent by anybody (T41, T42)."""

import itertools
from urllib.parse import urlencode

import httpx
import pytest

from gateway.errors import ProviderUnavailable
from gateway.observe.events import ProviderLogout, SessionEnded
from gateway.providers.logout_token import EVENT
from tests.kit.login_door import AUTH, PARTNERS, STAFF, LoginHouse
from tests.kit.people import person, tokens
from tests.kit.scripted_provider import without_none

pytestmark = pytest.mark.anyio

BACK = "/auth/staff/backchannel-logout"
FRONT = "/auth/staff/frontchannel-logout"
NUMBERS = itertools.count(1)
FORM = {"content-type": "application/x-www-form-urlencoded"}


def someone(subject="u-1", sid="p-1", provider="staff"):
    return person(subject, provider, issuer={"staff": STAFF, "partners": PARTNERS}[provider], sid=sid)


class Scene(LoginHouse):
    """A house with two sessions of one login, one of another login of the same person, and one of somebody else."""

    async def fill(self):
        begin = self.sessions.begin
        self.mine = [await begin(someone(), tokens("staff")) for _ in range(2)]
        self.elsewhere = await begin(someone(sid="p-2"), None)
        self.other = await begin(someone("u-2", "p-3"), None)
        return self

    @property
    def script(self):
        return self.scripts["staff"]

    def token(self, **changed):
        """A good logout token of both kinds of name, unless changed; `None` takes a claim away."""
        now = int(self.clock())
        good = {
            "iss": STAFF, "aud": "gateway", "iat": now, "exp": now + 120, "jti": f"jti-{next(NUMBERS)}",
            "sub": "u-1", "sid": "p-1", "events": {EVENT: {}},
        }  # fmt: skip
        return self.script.signed(without_none({**good, **changed}))

    async def ask(self, method, path, peer="203.0.113.7", **sent):
        transport = httpx.ASGITransport(self.app, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=AUTH) as client:
            return await client.request(method, path, **sent)

    async def tell(self, token, **sent):
        return await self.ask("POST", BACK, content=urlencode({"logout_token": token}), headers=FORM, **sent)

    async def alive(self):
        """Which of the sessions still open."""
        named = {
            "mine": self.mine[0],
            "mine too": self.mine[1],
            "elsewhere": self.elsewhere,
            "other": self.other,
        }
        return {name for name, begun in named.items() if await self.sessions.open(begun.ticket)}

    def ends(self):
        return [event.reason for event in self.events if isinstance(event, SessionEnded)]

    def told(self):
        return [event.outcome for event in self.events if isinstance(event, ProviderLogout)]


EVERYBODY = {"mine", "mine too", "elsewhere", "other"}


@pytest.fixture
async def scene():
    return await Scene(("staff", "partners"), framed=("staff",)).fill()


def assert_refused(answer, check):
    assert answer.status_code == 400
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": "invalid_request", "error_description": check}


async def test_t41_case33_a_good_token_ends_the_sessions_of_that_login_and_no_others(scene):
    """All of them, on every replica: 200, and nothing of it is to be kept."""
    answer = await scene.tell(scene.token())

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert scene.ends() == ["backchannel_logout"] * 2
    assert await scene.alive() == {"elsewhere", "other"}
    assert {notice.name for notice in scene.bus.heard} == {one.session.id for one in scene.mine}


async def test_t41_a_token_with_a_subject_alone_ends_all_of_the_person_s_sessions(scene):
    """Of every login, at once; other people's go on."""
    answer = await scene.tell(scene.token(sid=None))

    assert answer.status_code == 200
    assert await scene.alive() == {"other"}
    await scene.inventory.close(1.0)
    assert len(scene.session_keys()) == 1


async def test_t41_a_token_with_a_session_alone_ends_that_one(scene):
    """The name of the session is enough."""
    assert (await scene.tell(scene.token(sub=None))).status_code == 200
    assert await scene.alive() == {"elsewhere", "other"}


REFUSED = [
    pytest.param({"events": None}, "events is missing", id="no-event"),
    pytest.param({"events": {}}, "events", id="an-empty-event"),
    pytest.param({"events": {f"{EVENT}/": {}}}, "events", id="wrong-event"),
    pytest.param({"events": [EVENT]}, "events", id="an-event-in-a-list"),
    pytest.param({"events": EVENT}, "events", id="an-event-as-a-text"),
    pytest.param({"events": {EVENT: True}}, "events", id="an-event-that-is-no-object"),
    pytest.param({"nonce": "n"}, "nonce", id="with-nonce"),
    pytest.param({"nonce": ""}, "nonce", id="with-an-empty-nonce"),
    pytest.param({"aud": "another-client"}, "aud", id="wrong-aud"),
    pytest.param({"aud": ["another-client"]}, "aud", id="wrong-aud-in-a-list"),
    pytest.param({"aud": None}, "aud is missing", id="no-aud"),
    pytest.param({"iss": "https://evil.example"}, "iss", id="wrong-iss"),
    pytest.param({"iss": f"{STAFF}/"}, "iss", id="an-iss-with-a-slash"),
    pytest.param({"iss": None}, "iss is missing", id="no-iss"),
    pytest.param({"jti": None}, "jti is missing", id="no-jti"),
    pytest.param({"jti": ""}, "jti is missing", id="an-empty-jti"),
    pytest.param({"jti": 7}, "jti", id="a-jti-that-is-no-text"),
    pytest.param({"jti": "j" * 256}, "jti", id="a-jti-without-end"),
    pytest.param({"iat": None}, "iat is missing", id="no-iat"),
    pytest.param({"iat": "now"}, "iat", id="an-iat-that-is-no-number"),
    pytest.param({"iat": 1_800_000_000 - 121}, "iat", id="stale-iat"),
    pytest.param({"iat": 1_800_000_000 + 61}, "iat", id="an-iat-to-come"),
    pytest.param({"exp": 1_800_000_000 - 60}, "exp", id="expired"),
    pytest.param({"exp": "never"}, "exp", id="an-exp-that-is-no-number"),
    pytest.param({"sub": None, "sid": None}, "neither sub nor sid", id="missing-sub-and-sid"),
    pytest.param({"sub": 7}, "sub", id="a-sub-that-is-no-text"),
    pytest.param({"sid": 7}, "sid", id="a-sid-that-is-no-text"),
    pytest.param({"sid": ""}, "sid", id="an-empty-sid"),
    pytest.param({"sid": "s" * 256}, "sid", id="a-sid-without-end"),
]


@pytest.mark.parametrize(("changed", "check"), REFUSED)
async def test_t41_a_token_that_is_not_right_ends_nothing(scene, changed, check):
    """MAO 2026-08-07, and the rows of the conformance suite; a `sid` that cannot be read is not passed over."""
    answer = await scene.tell(scene.token(**changed))

    assert_refused(answer, f"logout_token: {check}")
    assert await scene.alive() == EVERYBODY
    assert scene.told() == ["provider_lied"]


@pytest.mark.parametrize(
    ("sign", "check"),
    [
        pytest.param("none", "form", id="alg-none"),
        pytest.param("hs256_public_key", "alg", id="wrong-alg"),
        pytest.param("bad", "signature", id="another-s-key"),
    ],
)
async def test_t41_a_token_that_is_not_signed_by_the_provider_ends_nothing(scene, sign, check):
    """Neither unsigned, nor with the public key as a secret, nor by somebody else."""
    scene.script.sign = sign

    assert_refused(await scene.tell(scene.token()), f"logout_token: {check}")
    assert await scene.alive() == EVERYBODY


@pytest.mark.parametrize(
    ("typ", "taken"),
    [
        pytest.param("logout+jwt", True, id="as-the-specification-wants-it"),
        pytest.param("application/logout+jwt", True, id="with-its-prefix"),
        pytest.param("JWT", True, id="as-most-providers-send-it"),
        pytest.param(None, True, id="left-out"),
        pytest.param("at+jwt", False, id="an-access-token"),
        pytest.param("secevent+jwt", False, id="another-event"),
    ],
)
async def test_t41_the_type_of_a_token_is_believed(scene, typ, taken):
    """A token that says it is something else is something else."""
    scene.script.header = {"typ": typ}

    answer = await scene.tell(scene.token())

    assert answer.status_code == (200 if taken else 400)
    assert ("mine" in await scene.alive()) is not taken


async def test_t41_an_id_token_is_no_logout_token(scene):
    """It is signed by the same key for the same audience."""
    answer = await scene.tell(scene.script.id_token("access", {"nonce": "n", "jti": "j"}))

    assert_refused(answer, "logout_token: events is missing")


async def test_t41_a_logout_token_is_no_id_token(scene):
    """The other way round: at the callback the nonce is missing."""
    browser = scene.browser()
    callback = await scene.callback_of(browser, f"{AUTH}/auth/staff")
    scene.script.token_extra = {"id_token": scene.token()}

    last = await browser.open(callback)

    assert last.status == 400


async def test_t41_a_token_counts_once(scene):
    """Somebody who has seen it cannot end the sessions of tomorrow; in the meantime its `iat` has run out."""
    token = scene.token(sid=None)
    assert (await scene.tell(token)).status_code == 200
    again = await scene.sessions.begin(someone(), None)

    for _ in range(4):
        assert_refused(await scene.tell(token), "logout_token: jti was used before")
        scene.clock.advance(39)
    scene.clock.advance(60)
    assert_refused(await scene.tell(token), "logout_token: exp")
    assert await scene.sessions.open(again.ticket)


async def test_t41_a_token_from_a_clock_ahead_counts_once_too(scene):
    """It is taken for longest, and remembered for longer."""
    token = scene.token(sid=None, iat=int(scene.clock()) + 59, exp=None)
    assert (await scene.tell(token)).status_code == 200
    again = await scene.sessions.begin(someone(), None)

    scene.clock.advance(178)
    assert_refused(await scene.tell(token), "logout_token: jti was used before")
    scene.clock.advance(2)
    assert_refused(await scene.tell(token), "logout_token: iat")
    assert await scene.sessions.open(again.ticket)


async def test_t41_one_jti_of_two_providers_is_two_tokens(scene):
    """What one has used up is none of the other's."""
    assert (await scene.tell(scene.token(jti="one"))).status_code == 200
    partners = scene.scripts["partners"]
    now = int(scene.clock())
    token = partners.signed(
        {"iss": PARTNERS, "aud": "gateway", "iat": now, "jti": "one", "sid": "x", "events": {EVENT: {}}}
    )

    answer = await scene.ask("POST", "/auth/partners/backchannel-logout", data={"logout_token": token})

    assert answer.status_code == 200


async def test_t41_one_provider_does_not_speak_for_another(scene):
    """Its token at the other's address is signed by an unknown key, and for another issuer."""
    answer = await scene.ask(
        "POST", "/auth/partners/backchannel-logout", data={"logout_token": scene.token()}
    )

    assert answer.status_code == 400
    assert await scene.alive() == EVERYBODY


async def test_t41_a_megabyte_is_not_read(scene):
    """Neither as a token nor as anything else."""
    answer = await scene.tell("A" * 1_000_000)

    assert answer.status_code == 413
    assert scene.outbound() == []


async def test_t41_a_token_over_the_cap_is_not_verified(scene):
    """Sixteen kilobytes are more than any provider sends."""
    assert_refused(await scene.tell(scene.token(x="y" * 20_000)), "logout_token: size")


async def test_t41_an_encrypted_token_is_refused(scene):
    """No such tokens were agreed upon."""
    assert_refused(await scene.tell("a.b.c.d.e"), "logout_token: form")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        pytest.param(b"", FORM, id="empty"),
        pytest.param(b"logout_token=", FORM, id="an-empty-token"),
        pytest.param(b"LOGOUT_TOKEN=a.b.c", FORM, id="another-name"),
        pytest.param(b"logout_token=a.b.c&logout_token=a.b.c", FORM, id="twice"),
        pytest.param(b'{"logout_token": "a.b.c"}', {"content-type": "application/json"}, id="json"),
        pytest.param(b"logout_token=a.b.c", {}, id="no-content-type"),
    ],
)
async def test_t41_case12_a_body_without_one_token_is_refused(scene, content, headers):
    """And nobody is asked for keys."""
    answer = await scene.ask("POST", BACK, content=content, headers=headers)

    assert_refused(answer, "logout_token is missing")
    assert scene.outbound() == []


async def test_t41_a_token_in_the_address_is_none(scene):
    """It would stand in the log of every proxy."""
    answer = await scene.ask("POST", f"{BACK}?logout_token={scene.token()}", headers=FORM)

    assert_refused(answer, "logout_token is missing")


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded; charset=UTF-8", "Application/X-WWW-Form-Urlencoded ;charset=utf-8"],
)
async def test_t41_a_charset_does_no_harm(scene, kind):
    """Some providers send one. What is beside the token is passed over (section 2.5)."""
    body = urlencode({"logout_token": scene.token(), "state": "x"})

    answer = await scene.ask("POST", BACK, content=body, headers={"content-type": kind})

    assert answer.status_code == 200


async def test_t41_a_session_that_nobody_knows_is_over(scene):
    """200: it may have ended here before."""
    for changed in ({"sid": "never-seen"}, {"sid": None, "sub": "never-seen"}):
        assert (await scene.tell(scene.token(**changed))).status_code == 200
    assert await scene.alive() == EVERYBODY


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_t41_another_method_is_refused(scene, method):
    """GET instead of POST: an image could send it."""
    answer = await scene.ask(method, f"{BACK}?logout_token={scene.token()}")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.headers["cache-control"] == "no-store"
    assert await scene.alive() == EVERYBODY


async def test_t41_an_unknown_provider_is_not_found(scene):
    """Nothing is told of those that are known."""
    answer = await scene.ask("POST", "/auth/nobody/backchannel-logout", data={"logout_token": scene.token()})

    assert answer.status_code == 404


async def test_t41_a_provider_is_no_page_of_ours_and_needs_no_form_token(scene):
    """The guard of forms does not stand in the way; and the cookie of whoever is made to send it is not looked at."""
    victim = f"{scene.session_spec.name}={scene.other.cookie}"
    headers = {**FORM, "origin": "https://evil.example", "sec-fetch-site": "cross-site", "cookie": victim}
    body = urlencode({"logout_token": scene.token()})

    answer = await scene.ask("POST", BACK, content=body, headers=headers)

    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "other" in await scene.alive()


@pytest.mark.parametrize("verb", ["get", "put", "index_list", "read", "delete", "add"])
async def test_t41_a_token_is_not_used_up_by_a_store_that_fails(scene, verb):
    """503, so that the provider sends it again; then it counts."""
    token = scene.token()
    scene.store.fail_next(verb)

    answer = await scene.tell(token)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert scene.told() == ["store_fault"]
    assert (await scene.tell(token)).status_code == 200
    assert await scene.alive() == {"elsewhere", "other"}


async def test_t41_a_provider_without_keys_is_asked_again(scene):
    """Its token may be good: 503 and not 400."""
    scene.script.instead["/keys"] = [ProviderUnavailable("staff", "down")]
    token = scene.token()

    assert (await scene.tell(token)).status_code == 503
    assert (await scene.tell(token)).status_code == 200


async def test_t41_a_rotated_key_is_fetched_anew(scene):
    """Once for the token; a forged key id costs no more than that."""
    await scene.tell(scene.token())
    scene.script.rotate_keys()

    assert (await scene.tell(scene.token(sid="p-2"))).status_code == 200
    scene.script.asked.clear()
    scene.script.header = {"kid": "unknown"}
    assert_refused(await scene.tell(scene.token()), "logout_token: key (none fits)")
    assert len(scene.outbound()) == 3


async def test_t41_bad_tokens_of_a_network_are_limited_and_good_ones_are_not(scene):
    """A provider that ends ten thousand sessions is heard; so is one beside whom somebody floods us."""
    bad = scene.token(aud="x")

    answers = [(await scene.tell(bad, peer=f"203.0.113.{n}")).status_code for n in range(62)]

    assert answers == [400] * 60 + [429] * 2
    assert (await scene.tell(bad, peer="198.51.100.1")).status_code == 400
    goods = [(await scene.tell(scene.token(sid=f"s-{n}"))).status_code for n in range(100)]
    assert goods == [200] * 100
    assert (await scene.tell(scene.token())).status_code == 200
    assert await scene.alive() == {"elsewhere", "other"}


async def test_t41_what_is_refused_is_told_without_the_token(scene):
    """The log says which check failed, and repeats nothing that was sent."""
    token = scene.token(sid="s3cret-name", nonce="s3cret-nonce")

    answer = await scene.tell(token)

    (event,) = [event for event in scene.events if isinstance(event, ProviderLogout)]
    assert (event.channel, event.outcome, event.client) == ("back", "provider_lied", "203.0.113.7")
    assert "logout_token: nonce" in event.detail
    for said in (answer.text, repr(event)):
        assert "s3cret" not in said
        assert token not in said


async def test_t41_a_login_that_is_under_way_ends_too(scene):
    """The provider has ended its session between its tokens and ours."""
    scene.script.person["sid"] = "p-9"
    browser = scene.browser()
    callback = await scene.callback_of(browser, f"{AUTH}/auth/staff")
    assert (await scene.tell(scene.token(sid="p-9"))).status_code == 200

    last = await browser.open(callback)

    assert last.status == 400
    assert browser.jar.get(scene.session_spec.name) is None


async def test_ending_an_old_session_leaves_the_entry_of_a_newer_one(scene):
    """Under both names."""
    await scene.sessions.end(scene.mine[0].ticket, "logout")

    assert (await scene.tell(scene.token())).status_code == 200
    assert await scene.alive() == {"elsewhere", "other"}


# The front channel


async def frame(scene, **parameters):
    return await scene.ask("GET", f"{FRONT}?{urlencode(parameters)}")


async def test_t42_case34_a_frame_ends_the_sessions_of_one_login(scene):
    """Local sessions only: no token is taken back, and the provider is not asked for anything."""
    answer = await frame(scene, iss=STAFF, sid="p-1")

    assert answer.status_code == 200
    assert scene.ends() == ["frontchannel_logout"] * 2
    assert await scene.alive() == {"elsewhere", "other"}
    assert scene.outbound() == []


async def test_t42_only_the_provider_may_show_the_frame(scene):
    """Its origin and no other; nothing of it is kept, and no cookie is set."""
    answer = await frame(scene, iss=STAFF, sid="p-1")

    assert answer.headers["content-security-policy"] == f"default-src 'none'; frame-ancestors {STAFF}"
    assert "x-frame-options" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="neither"),
        pytest.param({"sid": "p-1"}, id="no-iss"),
        pytest.param({"iss": STAFF}, id="no-sid"),
        pytest.param({"iss": STAFF, "sid": ""}, id="an-empty-sid"),
        pytest.param({"iss": f"{STAFF}/", "sid": "p-1"}, id="an-iss-with-a-slash"),
        pytest.param({"iss": PARTNERS, "sid": "p-1"}, id="another-issuer"),
        pytest.param({"iss": "", "sid": "p-1"}, id="an-empty-iss"),
    ],
)
async def test_t42_a_frame_without_both_names_ends_nothing(scene, parameters):
    """With neither it would mean the session of whoever is made to load it."""
    answer = await scene.ask(
        "GET",
        f"{FRONT}?{urlencode(parameters)}",
        headers={"cookie": f"{scene.session_spec.name}={scene.other.cookie}"},
    )

    assert answer.status_code == 400
    assert await scene.alive() == EVERYBODY


async def test_t42_a_name_twice_is_none(scene):
    """The gateway and a proxy could each believe another."""
    answer = await scene.ask("GET", f"{FRONT}?{urlencode({'iss': STAFF, 'sid': 'p-1'})}&sid=p-2")

    assert answer.status_code == 400
    assert await scene.alive() == EVERYBODY


async def test_t42_it_is_off_unless_the_operator_wants_it(scene):
    """Nothing is there for a provider without `frontchannel_logout: true`."""
    query = urlencode({"iss": PARTNERS, "sid": "p-1"})

    assert (await scene.ask("GET", f"/auth/partners/frontchannel-logout?{query}")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "HEAD"])
async def test_t42_another_method_ends_nothing(scene, method):
    """A link checker asks with HEAD."""
    await scene.ask(method, f"{FRONT}?{urlencode({'iss': STAFF, 'sid': 'p-1'})}")

    assert await scene.alive() == EVERYBODY


async def test_t42_guessing_names_is_limited(scene):
    """By the network of who asks."""
    answers = [(await frame(scene, iss=STAFF, sid=f"guess-{n}")).status_code for n in range(61)]

    assert answers == [200] * 60 + [429]


async def test_t42_a_store_that_fails_is_no_logout(scene):
    """503, and whoever asks again may succeed."""
    scene.store.fail_next("index_list")

    assert (await frame(scene, iss=STAFF, sid="p-1")).status_code == 503
    assert (await frame(scene, iss=STAFF, sid="p-1")).status_code == 200
