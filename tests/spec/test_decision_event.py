"""What the log learns of a refusal: who was judged, and what stood in the way."""

import pytest

from tests.kit.verify_house import APP, CONTRACTS, open_house, refused
from tests.kit.wired import wired

pytestmark = pytest.mark.anyio

TWO_BLOCKS = {
    "rules": [
        {
            "name": "admin",
            "allow": [{"groups": ["admins"], "email_domains": ["example.com"]}, {"users": ["root"]}],
        }
    ]
}
SOCKET = [(b"sec-websocket-key", b"x"), (b"origin", b"https://evil.example.com")]


def told(event):
    return event.outcome, event.reason, event.rule, event.subject, event.detail


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_refusal_by_group_names_who_it_was_and_which_list_failed(contract):
    """The identity that was judged, and nobody else of the session."""
    house = await open_house()

    answer = await house.ask(contract, "/admin/x", who="alice")

    assert told(house.decision) == ("forbid", "criteria", "admin", "corp:a-1", "groups")
    assert b"a-1" not in answer.body + b"".join(value for _, value in answer.headers)


async def test_of_several_criteria_each_says_what_failed():
    """Block by block, in the order of the rule."""
    house = await open_house(**TWO_BLOCKS)

    await house.ask("forward-auth", "/x", who="alice")

    assert told(house.decision) == ("forbid", "criteria", "admin", "corp:a-1", "groups; users")


async def test_a_handshake_from_a_foreign_page_names_whose_session_it_would_have_used():
    """The victim of a cross-site WebSocket is worth a name."""
    house = await open_house()

    await house.ask("forward-auth", "/x", who="alice", headers=SOCKET)

    assert told(house.decision) == ("forbid", "foreign_origin", "rest", "corp:a-1", "")


@pytest.mark.parametrize(
    ("who", "changes", "expected"),
    [
        pytest.param("nobody", {}, ("challenge", "anonymous", "rest", "", ""), id="nobody is signed in"),
        pytest.param(
            "alice",
            {"rules": [{"name": "a", "paths": ["/a"], "allow": "authenticated"}]},
            ("forbid", "no_rule", "", "", ""),
            id="no rule",
        ),
        pytest.param("alice", {}, ("allow", "authenticated", "rest", "corp:a-1", ""), id="a yes"),
    ],
)
async def test_where_nobody_was_judged_nobody_is_named(who, changes, expected):
    """No rule and no login: there is no subject."""
    house = await open_house(**changes)

    await house.ask("forward-auth", "/x", who=who)

    assert told(house.decision) == expected


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(
    ("host", "reason", "detail"),
    [
        pytest.param("Evil.Example.ORG.", "unknown_host", "evil.example.org", id="in its canonical form"),
        pytest.param("evil.example.org:8443", "unknown_host", "evil.example.org", id="without its port"),
        pytest.param(".".join(["a" * 60] * 4), "unknown_host", ".".join(["a" * 60] * 4), id="a long one"),
        pytest.param(".".join(["a" * 60] * 5), "host", "", id="longer than a host may be"),
        pytest.param(f"{APP},evil.example.org", "host", "", id="two in one"),
        pytest.param("evil.example.org\x1b[2J", "host", "", id="with a control"),
    ],
)
async def test_an_unknown_host_is_told_as_far_as_it_is_one(contract, host, reason, detail):
    """Whoever points a name at the gateway by mistake finds it in the log; what is no host stays out of it."""
    house = await open_house()

    answer = await house.ask(contract, "/x", host=host)

    assert answer.status == refused(contract)
    assert told(house.decision) == ("refused", reason, "", "", detail)
    assert not detail or detail.encode() not in answer.body


async def test_the_log_line_carries_both(tmp_path):
    """As an operator reads it."""
    async with wired(tmp_path) as house:
        cookie = await house.sign_in()
        await house.say("/admin/x", cookie)

        line = [one for one in await house.lines("decision.made") if one["outcome"] == "forbid"][-1]

        assert (line["subject"], line["rule"], line["detail"]) == ("corp:u-1", "admin", "groups")
