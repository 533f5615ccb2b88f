"""A second look at passwords: who is shut out by whom, how often one may guess, and what is kept of a password."""

import gc
import os

import pytest
from argon2.exceptions import VerificationError

from gateway.errors import PasswordRefused, ProviderUnavailable
from gateway.forward_auth.authorization import Credential
from gateway.forward_auth.basic import KEPT, PROVEN
from gateway.keys import password_hash
from gateway.keys.password_hash import PasswordHash
from gateway.policy.rules import Access, Rule
from gateway.providers import account, users_source
from gateway.providers.account import LONGEST, Account, Spellings
from gateway.serve.quick import Counter
from tests.kit.bare_connection import Bare
from tests.kit.basic_house import authorization, basic, open_basic_house
from tests.kit.login_door import APP, AUTH, LoginHouse
from tests.kit.password_form import opened
from tests.kit.password_provider import PasswordDirectory
from tests.kit.shells import question
from tests.kit.users_file import cheap_hash, person, write_people
from tests.kit.verify_house import PROXY
from tests.spec.test_password_form import asked_again, signed_in, told
from tests.spec.test_provider_users_file import House

pytestmark = pytest.mark.anyio

LOGIN = f"{AUTH}/auth/login?rd={APP}/report"
RIGHT = basic("alice", "right")
DOMAINS = Spellings({"corp": "CORP", "corp.tld": "CORP"}, "corp")


@pytest.fixture
async def house():
    return await open_basic_house()


async def guesses(house, number):
    """Statuses of so many wrong passwords for alice, none of which was tried before."""
    tried = len(house.directory.asked)
    lines = [basic("alice", f"guess-{house.clock()}-{tried}-{n}") for n in range(number)]
    return [(await house.ask("forward-auth", "/api/x", headers=[line])).status for line in lines]


# Who is shut out by whom


async def test_a_stranger_who_guesses_at_an_account_stops_no_script_of_it(house):
    """Five guesses use up what strangers have of the account for 50 minutes; the script's own password is no guess, and is counted by itself."""
    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200
    assert (await guesses(house, 8))[-1] == 429

    for _ in range(10):
        house.clock.advance(KEPT + 1)
        assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200


async def test_a_script_that_is_right_every_minute_brings_strangers_no_new_tries(house):
    """A right password at a form brings all tries back; one that comes by itself would bring five guesses a minute."""
    guessed = []
    for _ in range(10):
        await house.ask("forward-auth", "/api/x", headers=[RIGHT])
        guessed += await guesses(house, 4)
        house.clock.advance(KEPT + 1)

    assert guessed.count(401) == house.settings.login.passwords.for_strangers
    assert guessed.count(429) == 40 - guessed.count(401)


async def test_a_credential_that_is_right_no_longer_is_a_guess_like_any_other(house):
    """Its own tries end with the first no, so that an old password is no way around the limit."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.directory.people["alice"] = "new"
    house.clock.advance(KEPT + 1)
    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 401
    assert (await guesses(house, 8))[-1] == 429
    house.clock.advance(KEPT + 1)

    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 429
    assert not house.basic._proven


async def test_an_old_password_that_many_workers_know_as_right_meets_our_limit_first(house):
    """Twenty of them have seen it be right: the directory, whose password is another by now, hears of it six times."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.directory.people["alice"] = "new"
    house.directory.asked.clear()
    name = house.basic._name(
        Credential("basic", RIGHT[1].partition(b" ")[2]), Rule("api", 0, Access.CRITERIA)
    )
    for _ in range(20):
        house.basic._refused.clear()
        house.basic._prove(name.secret)
        house.clock.advance(KEPT + 1)
        await house.ask("forward-auth", "/api/x", headers=[RIGHT])

    assert len(house.directory.asked) == 1 + house.settings.login.passwords.for_strangers


async def test_an_outage_uses_up_no_tries_of_a_script(house):
    """It asks every second, and nothing of what it brings is a guess: when the directory is back, so is the script."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.clock.advance(KEPT + 1)
    house.directory.answers = {"alice": ProviderUnavailable("local", "reset")}
    for _ in range(20):
        assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 503
        house.clock.advance(30)
    house.directory.answers = {}

    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200


async def test_credentials_that_were_right_are_kept_in_mind_in_bounds(house):
    """By keyed hashes; the one that was used longest ago goes."""
    for number in range(PROVEN + 10):
        house.basic._prove(number.to_bytes(32))

    assert len(house.basic._proven) == PROVEN
    assert (0).to_bytes(32) not in house.basic._proven


# How often one may guess


@pytest.mark.parametrize(
    ("spelt", "plain"),
    [
        ("ánna", "anna"),
        ("anná", "anna"),
        ("a\u0301nna", "anna"),
        ("an\u00adna", "anna"),
        ("an\u200bna", "anna"),
        ("an\ufe0fna", "anna"),
        ("ann\u034fa", "anna"),
        ("ann  lee", "ann lee"),
        ("Müller", "muller"),
        ("ﬁona", "fiona"),
    ],
)
def test_spellings_that_some_directory_takes_for_one_name_are_counted_as_one(spelt, plain):
    """Active Directory overlooks accents, RFC 4518 what cannot be seen and more blanks than one."""
    assert DOMAINS.read(spelt).counted == DOMAINS.read(plain).counted


def test_the_name_that_is_asked_about_keeps_its_accents():
    """What is counted alike is still another name to the directory."""
    assert DOMAINS.read("Müller") == Account("müller", "CORP")
    assert DOMAINS.read("müller").key != DOMAINS.read("muller").key


async def test_accents_bring_no_new_tries_at_one_password():
    """The directory that finds anna by each of them is asked five times, and not fifty."""
    corp = PasswordDirectory("corp", spellings=DOMAINS)
    form = await opened(LoginHouse((), directories=(corp,)).browser(), LOGIN)

    statuses = [(await form.send(name, "wrong")).status for name in ("anna", "ánna", "änna", "annâ") * 3]

    assert statuses == [401] * 5 + [429] * 7
    assert len(corp.asked) == 5


async def test_a_domain_without_end_is_not_put_in_order(monkeypatch):
    """To sort ten thousand accents takes a sixth of a second on the event loop, and nothing had been counted before."""
    seen, normalize = [], account.unicodedata.normalize
    monkeypatch.setattr(
        account.unicodedata, "normalize", lambda form, text: seen.append(text) or normalize(form, text)
    )
    corp = PasswordDirectory("corp", spellings=DOMAINS)
    form = await opened(LoginHouse((), directories=(corp,)).browser(), LOGIN)

    assert (await form.send("bob", "x", place="corp/" + "\u0301" * 5000)).status == 401
    assert max(map(len, seen), default=0) <= LONGEST
    assert corp.asked == []


# What is kept of a password


async def test_the_quick_shell_keeps_no_head_with_a_password(house):
    """It remembers heads by their bytes; those that hold a password serve elsewhere too."""
    counter = Counter(house.verify.answer_at)
    ask = question(house, uri=b"/api/x", more=b"%b: %b\r\n" % RIGHT)
    for _ in range(4):
        link = Bare(counter, PROXY)
        link.say(ask)
        await link.hear()
        link.end()

    assert house.decision.outcome == "allow"
    assert len(counter.known._heads) == 0


async def test_the_quick_shell_keeps_other_heads_with_authorization(house):
    """The application's own, where the rule reads no password: the memory is as quick as ever."""
    counter = Counter(house.verify.answer_at)
    ask = question(house, uri=b"/x", who="alice", more=b"authorization: Bearer abc\r\n")
    for _ in range(4):
        link = Bare(counter, PROXY)
        link.say(ask)
        await link.hear()
        link.end()

    assert len(counter.known._heads) == 1


async def test_a_password_that_is_passed_on_stays_in_no_memory(house):
    """Under `pass_authorization` the answer holds the credential: it is made for one request, and forgotten."""
    for _ in range(3):
        answer = await house.ask("forward-auth", "/handed/x", headers=[RIGHT])
        assert (b"authorization", RIGHT[1]) in answer.headers
    del answer

    assert len(house.directory.asked) == 1
    assert RIGHT[1] not in _bytes_held_by(house.basic._known)


def _bytes_held_by(root):
    seen, found, todo = set(), [], [root]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        found += [one] if isinstance(one, bytes) else []
        todo += [] if isinstance(one, (bytes, str)) else gc.get_referents(one)
        assert len(seen) < 100_000
    return found


# Pages of other sites


async def test_an_old_browser_changes_nothing_for_a_page_of_another_site(house):
    """One that knows no Fetch Metadata says at least its origin, and remembers passwords all the same (CWE-352)."""
    for origin in (b"https://evil.example.org", b"null"):
        foreign = [RIGHT, (b"origin", origin)]
        assert (await house.ask("forward-auth", "/api/x", method="POST", headers=foreign)).status == 403
        assert house.decision.reason == "foreign_origin"
    own = [RIGHT, (b"origin", b"https://app.example.com")]
    assert (await house.ask("forward-auth", "/api/x", method="POST", headers=own)).status == 200


async def test_a_header_in_two_lines_is_never_half_a_credential(house):
    """One of ours and one of another scheme, whichever comes first: no login, and nothing for the application."""
    for lines in ([authorization(b"Negotiate x"), RIGHT], [RIGHT, authorization(b"Negotiate x")]):
        answer = await house.ask("forward-auth", "/handed/x", who="alice", headers=lines)
        assert answer.status == 401
        assert b"authorization" not in dict(answer.headers)


# The form


async def test_the_attempt_of_one_provider_is_no_attempt_of_another():
    """Else the log would name another provider, and another account, than the one whose password was tried."""
    corp, branch = PasswordDirectory("corp"), PasswordDirectory("branch")
    house = LoginHouse((), directories=(corp, branch))
    browser = await signed_in(house)
    form = await opened(browser, await asked_again(house, browser))
    corp.asked.clear()

    assert (await form.send("alice", "right", place="branch")).status == 400
    assert told(house)[-1].outcome == "attempt_unknown"
    assert corp.asked == branch.asked == []


async def test_a_locked_account_and_one_that_reached_our_limit_have_one_answer():
    """`Retry-After` too: a header that only one of them had would say that there is the account."""
    locked = PasswordDirectory("corp", answers={"alice": PasswordRefused("corp", "account_locked")})
    seen = []
    for corp, tries in ((locked, 1), (PasswordDirectory("corp"), 6)):
        form = await opened(LoginHouse((), directories=(corp,)).browser(), LOGIN)
        for _ in range(tries):
            hop = await form.send("alice", "wrong")
        seen.append((hop.status, hop.response.headers.get("retry-after"), hop.response.text.count("50 min")))

    assert seen[0] == seen[1]
    assert seen[0][:2] == (429, "3000")


# The file of people


def test_a_file_that_changes_while_it_is_read_is_not_half_believed(tmp_path, monkeypatch):
    """The first half of a file can be a good one, of half the people: the sessions of the others would end."""
    file = tmp_path / "people.yaml"
    write_people(file, ann=person(), bob=person())
    ticks = iter(range(100))
    source = users_source.UsersSource(file, lambda: float(next(ticks)))
    assert set(source.users().people) == {"ann", "bob"}

    write_people(file, ann=person())
    with monkeypatch.context() as patch:
        patch.setattr(users_source.os, "fdopen", lambda *given: _Growing(file, *given))
        assert set(source.users().people) == {"ann", "bob"}
    assert "changed while it was read" in source.news.popleft()

    assert set(source.users().people) == {"ann"}


class _Growing:
    """A file to which somebody writes while it is read."""

    def __init__(self, file, descriptor, mode):
        self._file, self._opened = file, open(descriptor, mode)  # noqa: SIM115, PTH123 - a descriptor

    def __enter__(self):
        return self

    def __exit__(self, *given):
        self._opened.close()

    def read(self, size):
        found = self._opened.read(size)
        with self._file.open("a") as more:
            more.write("\n")
            more.flush()
            os.fsync(more.fileno())
        return found


def test_a_hash_that_there_is_no_memory_for_says_nothing_of_the_password(monkeypatch):
    """The library has one error for a wrong password, and another for what kept it from finding out."""

    def full(*given):
        raise VerificationError("Memory allocation error")

    monkeypatch.setattr(password_hash, "verify_secret", full)

    with pytest.raises(MemoryError):
        PasswordHash.parse(cheap_hash("right")).fits("right")


async def test_without_memory_nobody_is_told_that_their_password_is_wrong(tmp_path):
    """It is an outage: an answer about the password would count a try, and Basic would remember it."""
    house = House(tmp_path)
    house.write(ann=person())
    house.tries = _full
    house.provider = house.provider_of("local")

    for name in ("ann", "nobody"):
        with pytest.raises(ProviderUnavailable) as fault:
            await house.sign_in(name)
        assert fault.value.remedy


def _full(hashed, password):
    raise MemoryError


def test_a_file_that_stays_away_is_told_once(tmp_path):
    """It is looked for every second, and an alarm a second is none."""
    file = tmp_path / "people.yaml"
    ticks = iter(range(100))
    source = users_source.UsersSource(file, lambda: float(next(ticks)))

    for _ in range(20):
        assert source.users() is None

    assert len(source.news) == 1
