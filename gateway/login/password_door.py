"""The door for names and passwords: the form, and what is sent with it.

Four proofs that it was sent by a person from our own page: Fetch Metadata, the browser's cookie, the token in the form
that belongs to that cookie, and the password. Without the first three a stranger could sign a browser in as somebody
else and read along (login CSRF).
"""

from dataclasses import dataclass, field, replace
from math import ceil
from urllib.parse import urlencode

from gateway.errors import (
    CrossSite,
    GatewayError,
    Limited,
    PasswordRefused,
    ProviderUnavailable,
    StoreFault,
)
from gateway.guard.csrf import check_fetch_metadata, check_form_token, form_token
from gateway.identity.presented import Reply
from gateway.login.attempt import Attempt
from gateway.login.browser import Browser
from gateway.login.call import Call, check_navigation, one, redirect
from gateway.login.flow import Flow
from gateway.login.hint import write_hint
from gateway.login.password_login import Entry, PasswordLogin
from gateway.login.selection import Wish, places_of, read_login_hint
from gateway.login.visitors import Visitors
from gateway.login.way import Choice, Place, Way
from gateway.pages import faults
from gateway.pages.answers import Answers, retry_after, wants_page
from gateway.pages.sign_in import Field, SignInForm
from gateway.providers.account import LONGEST
from gateway.settings.addresses import origin_of

# What a form is shown again for, filled in as it was. Anything else is no slip, and has a page of its own.
_AGAIN = (CrossSite, Limited, PasswordRefused, ProviderUnavailable, StoreFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordDoor:
    """Handlers of the form. `form_key` signs its tokens."""

    flow: Flow
    login: PasswordLogin
    visitors: Visitors
    answers: Answers
    public_url: str
    form_key: bytes = field(repr=False)

    def form(self, call: Call, choice: Choice, wish: Wish) -> Reply:
        """The form of GET /auth/login, beside the providers that are elsewhere."""
        name = read_login_hint(wish.login_hint)
        # A name has no blanks: what has some is a sentence of whoever wrote the link.
        shown = "" if any(c.isspace() for c in name) else name
        form = SignInForm(name=shown, hint=wish.providers, why=choice.why)
        return self._shown(call, choice, form)

    async def confirm(self, call: Call, state: str) -> Reply:
        """GET /auth/login?attempt=…: the form for a person who is signed in, and is asked again."""
        attempt = await self.login.confirming.look(call.head, state)
        return self._shown(call, self._choice_of(attempt), SignInForm(attempt=state))

    def address_of(self, call: Call, provider: str) -> Way:
        """GET /auth/{provider}: the login page, with this one chosen."""
        check_navigation(call.head)
        return_to = self.flow.return_to.of_request(one(call, "rd"))
        # As `Flow.begin`: who chose a provider for no page in particular wants to sign in, signed in or not.
        hint = write_hint([provider], again=self.flow.return_to.is_own(return_to))
        return Way(f"{self.public_url}/auth/login?{urlencode({'provider': hint, 'rd': return_to})}")

    async def sign_in(self, call: Call) -> Reply:
        """POST /auth/login, sent by our own form."""
        check_fetch_metadata("POST", call.head, origin_of(self.public_url))
        entry = _entry(call)
        try:
            browser = self._sender(call)
            return redirect(
                await self.login.sign_in(call.head, entry, browser, call.client, call.decision_id)
            )
        except _AGAIN as error:
            if not wants_page(call.head):
                raise
            return await self._again(call, entry, error)

    def _sender(self, call: Call) -> Browser:
        browser = self.visitors.known_browser(call.head)
        if browser is None:
            raise CrossSite("no_browser")
        check_form_token(self.form_key, _binding(browser), call.form.get("token", ""))
        return browser

    async def _again(self, call: Call, entry: Entry, error: GatewayError) -> Reply:
        """The form once more, with what went wrong. The name stays, the password does not."""
        choice, hint = self._choice_again(call, entry)
        wait = error.retry_after if isinstance(error, Limited) else 0.0
        form = SignInForm(
            name=entry.name if len(entry.name) <= LONGEST and entry.name.isprintable() else "",
            place=_value(Place(entry.provider, entry.domain, "")),
            hint=hint,
            attempt=entry.attempt,
            problem=_problem(error),
            minutes=ceil(wait / 60),
        )
        if entry.attempt:
            choice = self._choice_of(await self.login.confirming.look(call.head, entry.attempt))
        return self._shown(call, choice, form, *retry_after(error))

    def _choice_again(self, call: Call, entry: Entry) -> tuple[Choice, str]:
        hint = call.form.get("hint", "")
        choice = self.flow.choice(call.head, Wish(entry.return_to, hint))
        # What was sent may name a place that the hint does not: all of them, then, and none that was not there.
        everywhere = choice.places or places_of(self.flow.passwords.values())
        return replace(choice, places=everywhere), hint

    def _choice_of(self, attempt: Attempt) -> Choice:
        return Choice((), attempt.return_to, places=places_of([self.flow.passwords[attempt.provider]]))

    def _shown(self, call: Call, choice: Choice, form: SignInForm, *lines: tuple[bytes, bytes]) -> Reply:
        browser = self.visitors.browser(call.head)
        several = len({place.provider for place in choice.places}) > 1
        fields = [Field(_value(place), _label(place, several=several)) for place in choice.places]
        chosen = [_value(place) for place in choice.places if place.provider == choice.last_used]
        form = replace(
            form,
            fields=tuple(fields),
            place=form.place or (chosen[0] if chosen else ""),
            token=form_token(self.form_key, _binding(browser), self.visitors.random),
        )
        page = self.answers.pages(call.head).sign_in(
            form, choice.options, choice.return_to, choice.last_used, choice.user
        )
        cookie = (b"set-cookie", self.visitors.browser_cookie(browser).encode("latin-1"))
        return Reply(page.status, (*page.headers, *lines, cookie), page.body)


def _entry(call: Call) -> Entry:
    provider, _, domain = call.form.get("place", "").partition("/")
    return Entry(
        provider=provider,
        domain=domain,
        name=call.form.get("username", ""),
        password=call.form.get("password", ""),
        return_to=call.form.get("rd", ""),
        attempt=call.form.get("attempt", ""),
    )


def _problem(error: GatewayError) -> faults.FaultPage:
    if isinstance(error, CrossSite):
        return faults.FORM_EXPIRED
    # One sentence for both limits: which of them was met says something about the account.
    return faults.REASONS["account_locked"] if isinstance(error, Limited) else faults.page_of(error)


def _value(place: Place) -> str:
    """A provider's name has no slash, so that the first one parts the two."""
    return f"{place.provider}/{place.domain}" if place.domain else place.provider


def _label(place: Place, *, several: bool) -> str:
    if not place.domain:
        return place.title
    return f"{place.title}: {place.domain}" if several else place.domain


def _binding(browser: Browser) -> bytes:
    """What a form token belongs to before there is a session: the browser, by a secret that only it holds."""
    return b"login" + browser.secret.encode("ascii")
