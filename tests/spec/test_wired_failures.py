"""What fails in the whole gateway is told to the operator in a sentence, and to the person in plain words."""

import asyncio
import ssl

import httpx
import pytest

from tests.kit.certificates import write_certificate
from tests.kit.scripted_provider import reply
from tests.kit.servers import free_port
from tests.kit.verify_house import CLIENT, PROXY
from tests.kit.wired import APP, AUTH, wired

pytestmark = pytest.mark.anyio

WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        yield opened


async def departed(house):
    """Somebody wants to sign in: the page that they get."""
    return await house.browser().open(f"{AUTH}/auth/corp?rd={APP}/x", follow=False)


async def test_a_provider_of_another_name_is_an_alarm_that_says_what_to_write(house):
    """Both values, in the login's line and in the alarm; the page has none of it."""
    house.provider.metadata = {"issuer": "https://idp.example/realms/x"}

    page = await departed(house)

    (finished,) = await house.lines("login.finished")
    (alarm,) = await house.lines("operator.alarm")
    assert (alarm["what"], alarm["detail"]) == ("provider_lied", finished["detail"])
    assert (
        f"says 'https://idp.example/realms/x', gateway.yaml says '{house.provider.issuer}'" in alarm["detail"]
    )
    assert "provider corp" in alarm["detail"]
    assert "write as issuer (providers.corp)" in alarm["detail"]
    assert (page.status, "could not be verified" in page.response.text) == (400, True)
    assert "realms" not in page.response.text


async def test_a_missing_realm_is_an_alarm_that_says_what_to_write(house):
    """404 beneath `issuer`; whoever comes next is told the reason too, and the operator is not told again."""
    house.provider.instead[WELL_KNOWN] = [reply(404, {})]

    await departed(house)
    page = await departed(house)

    first, second = await house.lines("login.finished", 2)
    (alarm,) = await house.lines("operator.alarm")
    assert f"expected at {house.provider.issuer}{WELL_KNOWN}, seen status 404" in first["detail"]
    assert "seen status 404" in second["detail"]
    assert (alarm["what"], "/realms/NAME" in alarm["detail"]) == ("provider_unavailable", True)
    assert page.status == 503


async def test_an_alarm_is_told_once_a_minute_however_many_want_to_sign_in(house):
    """The line of each login is there; the alarm is one."""
    house.provider.metadata = {"issuer": "https://idp.example/realms/x"}

    for _ in range(5):
        await departed(house)

    assert len(await house.lines("login.finished", 5)) == 5
    assert len(await house.lines("operator.alarm")) == 1
    scraped = (await house.get("metrics_bind", "/metrics")).text
    assert 'gateway_alarms_total{what="provider_lied"} 1.0' in scraped


async def test_what_a_refresh_meets_is_an_alarm_too(house):
    """A realm that was renamed under living sessions: the person stays in, the operator hears what to write."""
    cookie = await house.sign_in()
    house.clock.advance(3700)
    house.provider.instead[WELL_KNOWN] = [reply(404, {})] * 3

    answer = await house.say("/x", cookie)

    (alarm,) = await house.lines("operator.alarm")
    assert answer.status_code == 200
    assert (alarm["what"], "/realms/NAME" in alarm["detail"]) == ("provider_refresh", True)
    assert house.provider.paths().count(WELL_KNOWN) == 2


async def test_a_provider_that_refuses_connections_is_told_and_is_no_alarm(tmp_path):
    """It may be starting anew: the login's line says where nobody listens."""
    port = free_port()
    async with wired(tmp_path, corp={"issuer": f"http://127.0.0.1:{port}"}) as house:
        page = await departed(house)

        (finished,) = await house.lines("login.finished")
        origin = f"http://127.0.0.1:{port}"
        assert finished["detail"] == (
            f"provider corp: ConnectError: expected an answer of {origin}, seen connection refused"
        )
        assert (page.status, "operator.alarm" in house.written.getvalue()) == (503, False)


async def test_a_certificate_of_an_unknown_ca_is_an_alarm_that_names_the_key(tmp_path):
    """`ca_file` is what a company's own CA needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(write_certificate(tmp_path / "tls.pem", "localhost"))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    origin = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    async with server, wired(tmp_path, corp={"issuer": origin}) as house:
        await departed(house)

        (alarm,) = await house.lines("operator.alarm")
        assert alarm["detail"] == (
            f"provider corp: ConnectError: expected an answer of {origin}, seen a certificate that is not trusted"
            " (self-signed certificate); write ca_file (providers.corp): the bundle of the CA that signed it"
        )


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        pytest.param({"x-forwarded-for": CLIENT}, CLIENT, id="told by the proxy"),
        pytest.param({}, f"peer {PROXY}", id="told by nobody"),
    ],
)
async def test_one_person_has_the_same_words_in_decisions_and_logins(house, headers, words):
    """So that the lines of one client are found by one search."""
    browser = house.browser(peer=PROXY)
    asked = {"x-forwarded-method": "GET", "x-forwarded-host": "app.example.com", "x-forwarded-uri": "/x"}

    await browser.open(f"{AUTH}/auth/corp/callback?state=none", headers=headers)
    transport = httpx.ASGITransport(house.apps["verify_bind"], client=(PROXY, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://verify") as proxy:
        await proxy.get("/verify/forward-auth", headers={**asked, **headers})

    (finished,) = await house.lines("login.finished")
    (decided,) = await house.lines("decision.made")
    assert (finished["client"], decided["client"]) == (words, words)


async def test_an_outage_of_the_store_is_one_alarm_and_is_on_the_operators_page(house):
    """Three checks fail: three lines, one alarm; the page says which file."""
    cookie = await house.sign_in()
    await house.get("metrics_bind", "/readyz")
    house.application._store._inner._reading.close()

    answers = [await house.say("/x", cookie, headers={"x": str(turn)}) for turn in range(3)]

    ready = await house.get("metrics_bind", "/readyz")
    failed = [line for line in await house.lines("store.called", 3) if line["outcome"] == "error"]
    (alarm,) = await house.lines("operator.alarm")
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(line["detail"].startswith("ProgrammingError: ") for line in failed)
    assert (alarm["what"], str(house.database) in alarm["detail"]) == ("store_unavailable", True)
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["store"] == f"sqlite:{house.database}"
