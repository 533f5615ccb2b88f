"""Scripts of other origins at the token endpoints (WHATWG Fetch section 3.2): who may ask, with what, and read what."""

import pytest

from tests.kit.token_house import AUTH, EVIL, SPA, token_house

pytestmark = pytest.mark.anyio
PATHS = ["/auth/login", "/auth/refresh", "/auth/logout", "/auth/logout-all"]
ASKING = {"origin": SPA, "access-control-request-method": "POST"}


def shared(answer):
    """The lines by which a browser lets a page read an answer."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_a_preflight_of_a_listed_page_allows_a_json_post_and_nothing_else(tmp_path, path):
    """By its own name, never a star; no cookie, no other method, no other header."""
    async with token_house(tmp_path) as house:
        asked = ASKING | {"access-control-request-headers": "content-type, authorization, x-other"}
        answer = await house.post(path, "", asked, method="OPTIONS")

    assert (answer.status_code, answer.content) == (204, b"")
    assert shared(answer) == {
        "access-control-allow-origin": SPA,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type",
        "access-control-expose-headers": "Retry-After",
        "access-control-max-age": "600",
    }
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "asked",
    [
        {"origin": "null"},
        {"origin": EVIL},
        {"origin": f"{SPA}:8443"},
        {"origin": f"{SPA}/"},
        {"origin": ""},
        {"origin": f"{SPA} {EVIL}"},
        {"access-control-request-method": "GET"},
        {"access-control-request-method": "PUT"},
        {"access-control-request-method": "post"},
        {"access-control-request-method": ""},
    ],
    ids=str,
)
async def test_any_other_preflight_is_refused(tmp_path, asked):
    """And its answer holds no line that a browser could take for a yes to it."""
    async with token_house(tmp_path) as house:
        answers = [await house.post(path, "", ASKING | asked, method="OPTIONS") for path in PATHS]

    for answer in answers:
        assert answer.status_code == 403
        assert "access-control-allow-methods" not in shared(answer)
        assert "Origin" in answer.headers["vary"].split(", ")


async def test_two_origins_are_nobodys(tmp_path):
    """Of two lines nobody knows which the browser wrote."""
    async with token_house(tmp_path) as house:
        answers = [
            await house.post("/auth/refresh", "{}", [("origin", SPA), ("origin", other)], method=method)
            for other in (SPA, EVIL)
            for method in ("POST", "OPTIONS")
        ]

    assert [one.status_code for one in answers] == [403] * 4
    assert [shared(one) for one in answers] == [{}] * 4


async def test_every_answer_of_a_listed_page_is_readable_the_bad_ones_too(tmp_path):
    """A script that cannot read a 401 takes it for a network that is down, and tries for ever."""
    async with token_house(tmp_path) as house:
        from_spa = {"origin": SPA}
        good = await house.sign_in_by_json(from_spa)
        answers = {
            200: await house.refresh(good.json()["refresh_token"], from_spa),
            400: await house.post("/auth/refresh", "{", from_spa),
            401: await house.sign_in_by_json(from_spa, password="wrong"),
            403: await house.sign_in_by_json(from_spa, cookie=True),
        }
        out = [
            await house.post(path, {"refresh_token": answers[200].json()["refresh_token"]}, from_spa)
            for path in PATHS[2:]
        ]
        await house.application._store.close()
        answers[503] = await house.refresh(good.json()["refresh_token"], from_spa)

    assert {status: one.status_code for status, one in answers.items()} == {one: one for one in answers}
    assert [one.status_code for one in out] == [200, 401]
    for one in (good, *answers.values(), *out):
        assert shared(one) == {
            "access-control-allow-origin": SPA,
            "access-control-expose-headers": "Retry-After",
        }


async def test_a_page_of_the_gateways_own_origin_and_a_program_need_no_line(tmp_path):
    """Nobody asks a browser for leave there; a cache is told to keep them apart all the same."""
    async with token_house(tmp_path) as house:
        own = await house.sign_in_by_json({"origin": AUTH})
        program = await house.sign_in_by_json()

    for one in (own, program):
        assert (one.status_code, shared(one)) == (200, {})
        assert "Origin" in one.headers["vary"].split(", ")


async def test_a_cookie_that_comes_along_from_a_listed_page_says_nothing_about_who_asks(tmp_path):
    """A page on the same site sends it although no answer allows it to (SameSite is about sites): it counts nowhere."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        lines = {"origin": SPA, "cookie": cookie, "sec-fetch-site": "same-site"}
        refused = [await house.post(path, {}, lines) for path in PATHS[1:]]
        pair = (await house.sign_in_by_json(lines)).json()
        said = await house.say("/api/x", cookie)

    assert [one.status_code for one in refused] == [400, 403, 403]
    assert not [one for one in refused if "set-cookie" in one.headers]
    assert pair["user"]["subject"] == "people:ann"
    assert said.status_code == 200


@pytest.mark.parametrize("path", ["/users/me", "/auth/corp", "/auth/corp/callback", "/auth/signed-out"])
async def test_nothing_else_is_shared_with_another_origin(tmp_path, path):
    """Who is signed in is for pages of our own; a listed page is listed for tokens."""
    async with token_house(tmp_path) as house:
        answer = await house.post(path, "", {"origin": SPA}, method="GET")
        before = await house.post(path, "", ASKING, method="OPTIONS")

    assert (shared(answer), shared(before)) == ({}, {})


async def test_without_origins_no_page_of_another_origin_is_answered(tmp_path):
    """The default."""
    async with token_house(tmp_path, tokens={"origins": []}) as house:
        before = await house.post("/auth/login", "", ASKING, method="OPTIONS")
        answer = await house.sign_in_by_json({"origin": SPA})

    assert (before.status_code, answer.status_code) == (403, 403)
    assert (shared(before), shared(answer)) == ({}, {})
