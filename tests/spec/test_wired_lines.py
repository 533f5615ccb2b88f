"""What the gateway says of its answers: numbers of all, lines of some."""

import re

import pytest

from tests.kit.wired import wired

pytestmark = pytest.mark.anyio


async def counted(house):
    """`gateway_decisions_total` by outcome, as the operator scrapes it."""
    page = await house.get("metrics_bind", "/metrics")
    found = re.findall(r'^gateway_decisions_total\{.*outcome="(\w+)"\} ([0-9.]+)$', page.text, re.MULTILINE)
    return {outcome: float(value) for outcome, value in found}


async def test_every_answer_is_counted_once_and_refusals_have_lines(tmp_path):
    """Without lines of allows: the metric has all, the log the others, and the end says how many it has not."""
    async with wired(tmp_path, log={"level": "info", "allows": 0}) as house:
        for _ in range(5):
            await house.say("/public/x")
        await house.say("/x")
        (line,) = await house.lines("decision.made")
        numbers = await counted(house)

    assert numbers == {"allow": 5, "challenge": 1}
    assert line["outcome"] == "challenge"
    (summary,) = await house.lines("decision.summary")
    assert (summary["outcome"], summary["count"], summary["level"]) == ("allow", 5, "info")


async def test_denials_past_their_bound_are_counted_and_summarised(tmp_path):
    """Those with one outcome, while another has its line; lines and summaries together make the number."""
    async with wired(tmp_path, log={"level": "info", "denials": 1}) as house:
        for _ in range(50):
            await house.say("/x")
        await house.say("/x", headers={"x-forwarded-host": "elsewhere.example.com"})
        numbers = await counted(house)

    assert numbers == {"challenge": 50, "refused": 1}
    written = [line["outcome"] for line in await house.lines("decision.made", 2)]
    (summary,) = await house.lines("decision.summary")
    # How many seconds the fifty took is the machine's affair.
    assert summary["outcome"] == "challenge"
    assert written.count("challenge") + summary["count"] == 50
    assert written.count("refused") == 1


async def test_where_all_are_wanted_every_allow_has_a_whole_line(tmp_path):
    """With the same fields as any other decision, and no summary at the end."""
    async with wired(tmp_path, log={"level": "info", "allows": "all"}) as house:
        for number in range(30):
            await house.say(f"/public/{number}")
        lines = await house.lines("decision.made", 30)

    assert [line["path"] for line in lines] == [f"/public/{number}" for number in range(30)]
    assert {(line["outcome"], line["status"], line["rule"]) for line in lines} == {("allow", 200, "public")}
    assert '"decision.summary"' not in house.written.getvalue()


async def test_a_log_that_writes_no_decision_counts_them_all_the_same(tmp_path):
    """`log.level: error`: no event is made, and the numbers stay."""
    async with wired(tmp_path, log={"level": "error"}) as house:
        await house.say("/public/x")
        await house.say("/x")
        numbers = await counted(house)

    assert numbers == {"allow": 1, "challenge": 1}
    assert house.written.getvalue() == ""
