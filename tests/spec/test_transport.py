"""The edge to the providers: one deadline, a size cap, no redirects, and honesty about what may have happened."""

import asyncio
import gzip
import socket
import ssl
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gateway.errors import ProviderUnavailable, SettingsFault
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Arrival, Ask
from gateway.providers.transport import AT_ONCE, LARGEST, Transport
from gateway.settings.model import OidcProvider
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider, ec_key, page, reply, serve, wire
from tests.kit.waiting import until


def ask_once(url, **ask):
    """The smallest flow: one request, and its answer."""
    return (yield Ask(url, **ask))


def ask_and_save(url):
    """A flow that has something to save when its second request fails."""
    first = yield Ask(url, form={})
    try:
        yield Ask(url)
    except ProviderUnavailable as fault:
        return first, fault
    return first, None


@pytest.fixture
async def script():
    provider = ScriptedProvider(Clock())
    async with serve(provider):
        yield provider


@pytest.fixture
async def transport():
    made = Transport(clock=Clock())
    yield made
    await made.close()


def over(handler):
    return Transport(clock=Clock(), wire=httpx.MockTransport(handler))


@pytest.mark.anyio
async def test_a_whole_login_runs_over_http(script, transport):
    """Discovery, token, keys: real requests to a real port."""
    section = OidcProvider.model_validate(
        {
            "issuer": script.issuer,
            "client_id": "gateway",
            "client_secret": script.client_secret,
            "anyone": True,
        }
    )
    catalog = Catalog({"idp": section}, transport)
    client = catalog.redirects["idp"]
    callback = "https://auth.example.com/cb"
    departure = await catalog.run(client.depart(callback, "s", "n", "v" * 43, {}), provider="idp")
    back = script.sign_in(departure.url)
    arrival = Arrival(back["code"], back["iss"], "n", "v" * 43, callback)

    signed_in = await catalog.run(client.arrive(arrival, int(script.clock())), provider="idp")

    assert signed_in.identity.user == "alice"
    assert catalog.admits(signed_in.identity)
    assert script.paths() == ["/.well-known/openid-configuration", "/token", "/keys"]


@pytest.mark.anyio
async def test_a_form_is_posted_and_nothing_compressed_is_asked_for(script, transport):
    """What goes over the wire."""
    await transport.run(ask_once(f"{script.issuer}/token", form={"a": "b c"}), provider="idp")

    (asked,) = script.asked
    assert asked.form == {"a": "b c"}
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in asked.headers


@pytest.mark.anyio
async def test_silence_ends_with_the_deadline(script, transport):
    """The answer may be lost on its way back: a form may have taken effect, a read cannot have."""
    script.raw = [None, None]

    with pytest.raises(ProviderUnavailable, match="deadline") as posted:
        await transport.run(ask_once(script.issuer, form={}), provider="idp", deadline=0.2)
    with pytest.raises(ProviderUnavailable, match="deadline") as read:
        await transport.run(ask_once(script.issuer), provider="idp", deadline=0.2)

    assert posted.value.ambiguous
    assert not read.value.ambiguous


@pytest.mark.anyio
async def test_case24_the_deadline_is_that_of_the_whole_flow(transport):
    """Ten requests do not get ten deadlines; what is left undone is not even begun."""
    sent = []

    async def slow(request):
        sent.append(request)
        await asyncio.sleep(0.15)
        return httpx.Response(200, json={})

    def chatty():
        for _ in range(10):
            yield Ask("https://idp.example/x")

    with pytest.raises(ProviderUnavailable):
        await over(slow).run(chatty(), provider="idp", deadline=0.2)

    assert 1 <= len(sent) < 10


@pytest.mark.anyio
async def test_a_request_for_which_no_time_is_left_is_not_sent(script, transport):
    """And so it is not one that may have taken effect."""

    def hopeful(url):
        try:
            yield Ask(url)
        except ProviderUnavailable:
            yield Ask(url, form={})

    script.raw = [None]

    with pytest.raises(ProviderUnavailable, match="no time left") as caught:
        await transport.run(hopeful(script.issuer), provider="idp", deadline=0.1)

    assert not caught.value.ambiguous
    assert script.asked == []


class Crowd:
    """A network that holds each answer back until `open` is set; how many requests are under way, by host."""

    def __init__(self):
        self.open, self.inside, self.most = asyncio.Event(), Counter(), Counter()

    async def __call__(self, request):
        host = request.url.host
        self.inside[host] += 1
        self.most[host] = max(self.most[host], self.inside[host])
        if "held" in request.url.path:
            await self.open.wait()
        self.inside[host] -= 1
        return httpx.Response(200, json={})


@pytest.mark.anyio
async def test_a_thousand_requests_at_once_take_turns_at_their_own_provider():
    """The others', and documents that somebody needs to go on, pass by."""
    crowd = Crowd()
    transport = over(crowd)
    slow = [
        asyncio.ensure_future(transport.run(ask_once("https://slow.example/held", form={}), provider="slow"))
        for _ in range(1000)
    ]
    await until(lambda: crowd.inside["slow.example"] == AT_ONCE)

    async with asyncio.timeout(1.0):
        await transport.run(ask_once("https://quick.example/x", form={}), provider="quick")
        await transport.run(ask_once("https://slow.example/keys", keep=60.0), provider="slow")
    crowd.open.set()
    await asyncio.gather(*slow)

    assert crowd.most["slow.example"] <= AT_ONCE + 1


@pytest.mark.anyio
async def test_whoever_waits_too_long_for_a_turn_has_not_asked(monkeypatch):
    """Half of the time is for the answer: a token that is presented at the last moment is spent for nothing."""
    monkeypatch.setattr("gateway.providers.transport.AT_ONCE", 1)
    crowd = Crowd()
    transport = over(crowd)
    first = asyncio.ensure_future(
        transport.run(ask_once("https://idp.example/held", form={}), provider="idp")
    )
    await until(lambda: crowd.inside["idp.example"] == 1)

    with pytest.raises(ProviderUnavailable, match="it was not asked") as caught:
        await transport.run(ask_once("https://idp.example/x", form={}), provider="idp", deadline=0.2)
    crowd.open.set()
    await first

    assert not caught.value.ambiguous
    assert crowd.most["idp.example"] == 1


@pytest.mark.anyio
async def test_a_standing_document_keeps_to_the_deadline_too(script, transport):
    """A fetch that is shared goes on; the flow that waits for it does not."""
    script.raw = [None]

    with pytest.raises(ProviderUnavailable, match="deadline"):
        await transport.run(ask_once(script.issuer, keep=60), provider="idp", deadline=0.2)


@pytest.mark.anyio
async def test_a_fault_is_thrown_into_the_flow(script, transport):
    """A flow that holds new tokens can save them when the next request fails."""
    script.raw = [wire(reply(200, {"first": True})), wire(page(200)), None]

    first, fault = await transport.run(ask_and_save(script.issuer), provider="idp", deadline=0.3)
    assert (first.json, fault) == ({"first": True}, None)
    script.raw = [wire(reply(200, {"first": True})), None]
    first, fault = await transport.run(ask_and_save(script.issuer), provider="idp", deadline=0.3)

    assert first.json == {"first": True}
    assert isinstance(fault, ProviderUnavailable)


@pytest.mark.anyio
async def test_a_refused_connection_is_not_ambiguous(transport):
    """Nothing was sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/token"

        with pytest.raises(ProviderUnavailable) as caught:
            await transport.run(
                ask_once(f"{url}?secret=secret-code", form={"code": "secret-code"}), provider="idp"
            )

    assert not caught.value.ambiguous
    origin = url.removesuffix("/token")
    seen = f"ConnectError: expected an answer of {origin}, seen connection refused"
    assert (str(caught.value), caught.value.remedy) == (f"provider idp: {seen}", "")
    assert "secret-code" not in str(caught.value)


@pytest.mark.anyio
async def test_a_connection_that_breaks_after_the_request_is_ambiguous(script, transport):
    """The provider may have spent the code."""
    script.raw = [b""]

    with pytest.raises(ProviderUnavailable) as caught:
        await transport.run(ask_once(script.issuer, form={}), provider="idp")

    assert caught.value.ambiguous


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "ask", "sent"),
    [
        pytest.param(httpx.ConnectError, {"retry": True}, 2, id="a read, not connected"),
        pytest.param(httpx.RemoteProtocolError, {"retry": True}, 2, id="a read, connection died"),
        pytest.param(httpx.ReadTimeout, {"retry": True}, 1, id="a read, silence"),
        pytest.param(httpx.ConnectError, {}, 1, id="not allowed"),
        pytest.param(httpx.ReadError, {"form": {}}, 1, id="a form"),
    ],
)
async def test_case24_a_request_is_repeated_once_and_only_where_it_may_be(fault, ask, sent):
    """Once, and never after silence: the time is gone."""
    seen = []

    def failing(request):
        seen.append(request)
        raise fault("broken")

    with pytest.raises(ProviderUnavailable):
        await over(failing).run(ask_once("https://idp.example/x", **ask), provider="idp")

    assert len(seen) == sent


@pytest.mark.anyio
async def test_a_second_answer_after_a_broken_connection_counts():
    """That is what the retry is for."""
    answers = [httpx.ConnectError("broken"), httpx.Response(200, json={"n": 2})]

    def failing_once(request):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    answer = await over(failing_once).run(ask_once("https://idp.example/x", retry=True), provider="idp")

    assert answer.json == {"n": 2}


@pytest.mark.anyio
async def test_a_redirect_is_an_answer_and_is_not_followed(script, transport):
    """A token request that follows a redirect carries its secret somewhere else."""
    elsewhere = (
        f"HTTP/1.1 307 X\r\nlocation: {script.issuer}/token\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    script.raw = [elsewhere.encode()]

    answer = await transport.run(ask_once(script.issuer, form={}), provider="idp")

    assert answer.status == 307
    assert script.asked == []


@pytest.mark.anyio
async def test_a_cookie_of_the_provider_is_forgotten(script, transport):
    """One person's cookie does not travel with the next person's code."""
    script.raw = [wire(reply(200, {}, {"set-cookie": "s=1; Path=/"}))]

    await transport.run(ask_once(script.issuer), provider="idp")
    await transport.run(ask_once(f"{script.issuer}/x"), provider="idp")

    assert "cookie" not in script.asked[0].headers


@pytest.mark.anyio
async def test_proxies_of_the_environment_are_not_used(script, transport, monkeypatch):
    """A variable of the shell does not get to see codes and secrets."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    fresh = Transport(clock=Clock())

    answer = await fresh.run(ask_once(f"{script.issuer}/keys"), provider="idp")

    assert answer.status == 200
    await fresh.close()


@pytest.mark.anyio
async def test_t34_an_answer_over_the_cap_is_refused(script, transport):
    """Five megabytes are not read to their end."""
    script.raw = [wire(page(200, "x" * 5_000_000))]

    with pytest.raises(ProviderUnavailable, match=str(LARGEST)) as caught:
        await transport.run(ask_once(script.issuer, form={}), provider="idp")

    assert caught.value.ambiguous


@pytest.mark.anyio
async def test_an_answer_at_the_cap_is_read(script, transport):
    """The cap is the cap and not one less."""
    script.raw = [wire(page(200, "x" * LARGEST))]

    answer = await transport.run(ask_once(script.issuer), provider="idp")

    assert len(answer.body) == LARGEST


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
async def test_t34_a_compressed_answer_is_refused_unread(script, transport, encoding):
    """A kilobyte that becomes a megabyte never gets the chance."""
    bomb = gzip.compress(b"0" * 10_000_000)
    head = f"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: {encoding}\r\n"
    script.raw = [head.encode() + f"content-length: {len(bomb)}\r\nconnection: close\r\n\r\n".encode() + bomb]

    with pytest.raises(ProviderUnavailable, match="compressed"):
        await transport.run(ask_once(script.issuer), provider="idp")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "body", "parsed"),
    [
        pytest.param("application/json", b'{"a": 1}', {"a": 1}, id="an object"),
        pytest.param("Application/JSON; charset=utf-8", b'{"a": 1}', {"a": 1}, id="with a parameter"),
        pytest.param("application/jwk-set+json", b'{"keys": []}', {"keys": []}, id="a JSON type"),
        pytest.param("text/html", b'{"a": 1}', None, id="an object that calls itself a page"),
        pytest.param("", b'{"a": 1}', None, id="no type"),
        pytest.param("application/jsonp", b'{"a": 1}', None, id="another type"),
        pytest.param("application/json", b"[1]", None, id="an array"),
        pytest.param("application/json", b'"a"', None, id="a text"),
        pytest.param("application/json", b"", None, id="nothing"),
        pytest.param("application/json", b'{"a": 1, "a": 2}', None, id="a member twice"),
        pytest.param("application/json", b'{"a": {"b": 1, "b": 2}}', None, id="a member twice, deep"),
        pytest.param("application/json", b'{"a": NaN}', None, id="not a number"),
        pytest.param("application/json", b'{"a": "\xff"}', None, id="not UTF-8"),
        pytest.param("application/json", b'{"a":' * 50_000, None, id="nested without end"),
        pytest.param("application/json", b'{"a": ' + b"9" * 5000 + b"}", None, id="a number without end"),
    ],
)
async def test_json_is_what_says_so_and_reads_one_way(kind, body, parsed):
    """Anything else is no document, and no crash."""
    transport = over(lambda request: httpx.Response(200, headers={"content-type": kind}, content=body))

    answer = await transport.run(ask_once("https://idp.example/x"), provider="idp")

    assert answer.json == parsed


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["https://[::1/x", "https://idp.example:99999/x", "gopher://idp.example/x", "x"]
)
async def test_an_address_that_is_none_is_a_fault_of_the_provider(transport, url):
    """It came out of a document; it does not crash a login."""
    with pytest.raises(ProviderUnavailable) as caught:
        await transport.run(ask_once(url), provider="idp")

    assert not caught.value.ambiguous


@pytest.mark.anyio
async def test_a_line_that_is_not_http_is_a_broken_answer(script, transport):
    """Also when it comes from something else that listens there."""
    script.raw = [b"SSH-2.0-OpenSSH_9.2\r\n"]

    with pytest.raises(ProviderUnavailable, match="RemoteProtocolError"):
        await transport.run(ask_once(script.issuer, form={}), provider="idp")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A CA that signs for 127.0.0.1 by being the certificate itself."""
    folder = tmp_path_factory.mktemp("ca")
    key, name = ec_key("ca"), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


@pytest.mark.anyio
async def test_a_ca_file_serves_its_provider_alone(certificate):
    """The bundle of one provider makes nobody trust another by it."""
    pem, private = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)

    async def hello(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(wire(reply(200, {"hello": True})))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    transport = Transport(clock=Clock(), ca_files={"own": str(pem)})
    try:
        assert (await transport.run(ask_once(url), provider="own")).json == {"hello": True}

        with pytest.raises(ProviderUnavailable, match="ConnectError") as caught:
            await transport.run(ask_once(url, form={}), provider="other")
        assert not caught.value.ambiguous
        assert "a certificate that is not trusted (self-signed certificate)" in caught.value.detail
        assert "write ca_file (providers.other)" in caught.value.remedy
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used_is_a_fault_of_the_configuration(tmp_path, content):
    """Said at the start, with the key to mend."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)

    with pytest.raises(SettingsFault, match=r"providers\.corp\.ca_file"):
        Transport(clock=Clock(), ca_files={"corp": str(path)})


@pytest.mark.anyio
async def test_making_a_catalog_asks_nobody(transport):
    """A provider that is down does not stop the start."""
    sections = {
        name: OidcProvider.model_validate({"issuer": f"https://{name}.invalid", "client_id": "x"})
        for name in ("one", "two")
    }

    catalog = Catalog(sections, transport)

    assert [provider.name for provider in catalog] == ["one", "two"]
    assert catalog.get("three") is None
