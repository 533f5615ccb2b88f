"""The address of a Redis: what is read out of it, and what is refused without being told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.redis_address import Layout, RedisAddress, read_redis_address
from gateway.settings.units import StoreUrl, check_store

HERE = (("127.0.0.1", 6379),)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        pytest.param("redis://redis", RedisAddress(Layout.SERVER, (("redis", 6379),)), id="host alone"),
        pytest.param("redis://redis:7000/", RedisAddress(Layout.SERVER, (("redis", 7000),)), id="port"),
        pytest.param("redis://[::1]:7000/3", RedisAddress(Layout.SERVER, (("::1", 7000),), db=3), id="ipv6"),
        pytest.param(
            "redis://127.0.0.1?db=3", RedisAddress(Layout.SERVER, HERE, db=3), id="database as option"
        ),
        pytest.param(
            "redis://:p%40ss%2Fw%C3%B6rd+@127.0.0.1",
            RedisAddress(Layout.SERVER, HERE, password="p@ss/wörd+"),
            id="password percent-encoded",
        ),
        pytest.param(
            "redis://us%3Aer:pw@127.0.0.1",
            RedisAddress(Layout.SERVER, HERE, username="us:er", password="pw"),
            id="user",
        ),
        pytest.param(
            "unix:///run/redis.sock", RedisAddress(Layout.SERVER, path="/run/redis.sock"), id="socket"
        ),
        pytest.param(
            "unix:///run/r.sock?db=2&username=u&password=a%26+b%3D",
            RedisAddress(Layout.SERVER, path="/run/r.sock", db=2, username="u", password="a&+b="),
            id="socket with options",
        ),
        pytest.param(
            "unix://u:p@/r.sock",
            RedisAddress(Layout.SERVER, path="/r.sock", username="u", password="p"),
            id="socket, user",
        ),
        pytest.param(
            "rediss://redis?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem",
            RedisAddress(
                Layout.SERVER,
                (("redis", 6379),),
                tls=True,
                ca_file="/ca.pem",
                certificate="/c.pem",
                certificate_key="/k.pem",
            ),
            id="tls",
        ),
        pytest.param(
            "redis+sentinel://:pw@a,b:1,[::1]/my%2Fmaster/3?sentinel_username=s&sentinel_password=q",
            RedisAddress(
                Layout.SENTINEL,
                (("a", 26379), ("b", 1), ("::1", 26379)),
                service="my/master",
                db=3,
                password="pw",
                sentinel_username="s",
                sentinel_password="q",
                min_other_sentinels=1,
            ),
            id="sentinels",
        ),
        pytest.param(
            "redis+sentinel://a/m",
            RedisAddress(Layout.SENTINEL, (("a", 26379),), service="m"),
            id="one sentinel",
        ),
        pytest.param(
            "rediss+sentinel://a,b/m?min_other_sentinels=0",
            RedisAddress(Layout.SENTINEL, (("a", 26379), ("b", 26379)), service="m", tls=True),
            id="sentinels that may stand alone",
        ),
        pytest.param(
            "redis+cluster://u:p@a:7000,b/",
            RedisAddress(Layout.CLUSTER, (("a", 7000), ("b", 6379)), username="u", password="p"),
            id="cluster",
        ),
        pytest.param(
            "rediss+cluster://a/0", RedisAddress(Layout.CLUSTER, (("a", 6379),), tls=True), id="cluster, tls"
        ),
    ],
)
def test_an_address_is_read(url, address):
    """Place, layout, who signs in and how; what is left out has its default."""
    assert read_redis_address(url) == address


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        pytest.param("redis:hush", "write redis://HOST:PORT/0", id="no slashes"),
        pytest.param("redis://", "write redis://HOST:PORT/0", id="no host"),
        pytest.param("redis://:hush@", "write redis://HOST:PORT/0", id="password alone"),
        pytest.param(
            "redis://:hu/sh@h", "write each server as HOST or HOST:PORT", id="slash in the password"
        ),
        pytest.param("redis://:hu#sh@h", "write redis://HOST:PORT/0", id="hash in the password"),
        pytest.param("redis://:hu@sh@h", "percent-encoded", id="at in the password"),
        pytest.param("redis://h:hush", "write each server as HOST or HOST:PORT", id="port that is none"),
        pytest.param("redis://h:0", "write each server as HOST or HOST:PORT", id="port zero"),
        pytest.param("redis://h:65536", "write each server as HOST or HOST:PORT", id="port too high"),
        pytest.param("redis://h,", "write each server as HOST or HOST:PORT", id="comma at the end"),
        pytest.param("redis://a,b", r"write redis\+sentinel://", id="several servers"),
        pytest.param("redis://h/hush", "write the number of the database", id="database by name"),
        pytest.param("redis://h/1/2", "write the number of the database", id="two databases"),
        pytest.param("redis://h?db=hush", "write a number from 0 to", id="database option by name"),
        pytest.param(
            "redis://h?socket_timeout=60", "write no other options than db, each once", id="a deadline"
        ),
        pytest.param(
            "redis://h?max_connections=9&hush", "no other options than db", id="the bound of the pool"
        ),
        pytest.param("redis://h?db=1&db=2", "each once", id="option twice"),
        pytest.param("redis://h?db=", "each once", id="empty option"),
        pytest.param("redis://h?ssl_ca_certs=/ca", "no other options than db", id="authority without tls"),
        pytest.param("rediss://h?ssl_cert_reqs=none", "no other options", id="no check of the certificate"),
        pytest.param("rediss://h?ssl_check_hostname=false", "no other options", id="no check of the name"),
        pytest.param("rediss://h?ssl_ca_certs=ca.pem", "write the whole path", id="relative path"),
        pytest.param("rediss://h?ssl_keyfile=/k", "write ssl_certfile beside", id="key without certificate"),
        pytest.param("redis+sentinel://a,b", "write the name that the sentinels know", id="no service"),
        pytest.param(
            "redis+sentinel://a/m/x", "write the number of the database", id="sentinel, database by name"
        ),
        pytest.param(
            "redis+sentinel://a/m?db=1", "no other options than min_other", id="sentinel, database option"
        ),
        pytest.param("redis+cluster://a/1", "write no database", id="cluster with a database"),
        pytest.param("redis+cluster://a?db=1", "write nothing behind the", id="cluster with an option"),
        pytest.param("redis+hush://a", "write redis://HOST:PORT/0", id="another layout"),
        pytest.param("unix://redis.sock", "write redis://HOST:PORT/0", id="socket without a path"),
        pytest.param(
            "unix:///r.sock?wait=1", "no other options than db, password", id="socket, unknown option"
        ),
    ],
)
def test_an_address_that_is_none_is_refused(url, instead):
    """The sentence says what to write; the address, which may hold a password, stands in none."""
    with pytest.raises(ValueError, match=instead) as fault:
        check_store(StoreUrl(url))

    assert "hush" not in str(fault.value)


@given(st.text(alphabet="redisunx+:/@,?&=[]%0pwsentinelcluster\u00e9 ", max_size=40))
def test_nothing_but_sentences_comes_back(text):
    """Whatever is written: an address, or a `ValueError`."""
    outcome = read(f"redis{text}")

    assert outcome.startswith("write ") if isinstance(outcome, str) else outcome.places


def read(text):
    """The address, or the sentence."""
    try:
        return read_redis_address(text)
    except ValueError as fault:
        return str(fault)


def test_no_secret_is_shown():
    """Neither password stands in the repr."""
    address = read_redis_address("redis+sentinel://:hush@a/m?sentinel_password=hush2")

    assert "hush" not in repr(address)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://redis", True),
        ("redis+sentinel://127.0.0.1,10.0.0.1/m", True),
        ("redis+cluster://localhost:1,redis.localhost:2,[::1]:3", False),
        ("rediss://redis", False),
        ("unix:///r.sock", False),
        ("redis://127.8.8.8", False),
    ],
)
def test_what_leaves_the_machine_in_clear_is_known(url, expected):
    """Without TLS, and to somewhere else than loopback or a socket."""
    assert read_redis_address(url).leaves_in_clear is expected
