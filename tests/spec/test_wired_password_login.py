"""A login by name and password through the whole application: a users file, the form, a check, a log without secrets."""

import json

import pytest

from gateway.keys.password_hash import LEAST, hash_password
from tests.kit.password_form import Form, opened
from tests.kit.wired import APP, AUTH, COOKIE, wired

pytestmark = pytest.mark.anyio

PASSWORD = "Tr0ub4dor-and-3"


def people_of(folder):
    """A provider of two people, in a file of that folder."""
    users = {name: {"password": hash_password(PASSWORD, name.encode() * 6, LEAST)} for name in ("ann", "ben")}
    file = folder / "users.yaml"
    file.write_text(json.dumps({"users": users}))
    file.chmod(0o600)
    return {"more": {"local": {"type": "users-file", "file": str(file), "user": "local:{username}"}}}


async def test_a_password_opens_what_is_protected(tmp_path):
    """From the page asked for to the form, and back to it as somebody."""
    async with wired(tmp_path, **people_of(tmp_path)) as house:
        browser = house.browser()
        asked = await browser.open(f"{APP}/report?month=11")
        form = Form(browser, asked)
        assert form.fields.values["place"] == "local"
        assert "Continue with" in asked.response.text

        wrong = await form.send("ANN", "wrong")
        hop = await Form(browser, wrong).send("ANN", PASSWORD)

        assert (wrong.status, hop.url) == (401, f"{APP}/report?month=11")
        me = await browser.open(f"{AUTH}/users/me", headers={"accept": "application/json"})
        assert me.response.json()["user"] == "local:ann"


async def test_what_was_typed_is_in_no_line_of_the_log(tmp_path):
    """At debug: neither the password, nor a name that may have been one; both tries have one mark."""
    async with wired(tmp_path, **people_of(tmp_path)) as house:
        form = await opened(house.browser(), f"{AUTH}/auth/login?rd={APP}/x")
        for name, password in ((PASSWORD, "x"), ("ann", "wrong"), ("ann", PASSWORD)):
            await form.send(name, password)
        application, written = house.application, house.written
    lines = [json.loads(line) for line in written.getvalue().splitlines()]

    assert application is not None
    told = [line for line in lines if line["event"] == "login.finished"]
    assert [line["outcome"] for line in told] == ["password_refused", "password_refused", "ok"]
    assert told[1]["trace"] == told[2]["trace"] != told[0]["trace"]
    assert told[2]["subject"].startswith("local:")
    assert PASSWORD not in written.getvalue()
    assert PASSWORD.lower() not in written.getvalue()


async def test_nothing_of_a_password_is_in_the_store(tmp_path):
    """Of the embedded one every byte."""
    async with wired(tmp_path, **people_of(tmp_path)) as house:
        browser = house.browser()
        await (await opened(browser, f"{AUTH}/auth/login?rd={APP}/x")).send("ann", PASSWORD)
        assert browser.jar.get(COOKIE) is not None
    stored = b"".join([file.read_bytes() for file in tmp_path.glob("gateway.db*")])

    assert stored
    assert PASSWORD.encode() not in stored
