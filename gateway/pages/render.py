"""Pages: values in, a `Reply` out. No inline script or style, no text of a stranger without escaping.

The page that asks for a password has one script, which it can do without; no other page may run any.

Every link is absolute, below `public_url`: a page may be shown on an application's host, where the proxy passes on
the answer of a check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.guard.headers import page_headers
from gateway.identity.lines import Lines
from gateway.identity.presented import Reply
from gateway.pages.brand import Brand
from gateway.pages.catalogue import Catalogue
from gateway.pages.faults import FaultPage
from gateway.pages.options import options_of
from gateway.pages.sign_in import SignInForm
from gateway.pages.switch import ELSEWHERE, Switch
from gateway.sessions.session import Session
from gateway.settings.addresses import origin_of

HeaderLines = tuple[tuple[bytes, bytes], ...]

_HERE = "reference-of-this-answer"
MAX_TARGETS = 1500
"""Characters of all protected hosts in the policy of a page: proxies have room for 4 kB of headers in all."""

# What the sign-in page says of the session before, by the reason of its end (`sessions.farewell`).
_ENDED: Mapping[str, str] = MappingProxyType(
    {
        "disabled": "ended.disabled",
        "password_refused": "ended.password_refused",
        "refresh_exhausted": "ended.refresh_exhausted",
        "refresh_refused": "ended.refresh_refused",
    }
)


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the page that says who is signed in."""

    label: str
    values: tuple[str, ...]


class Pages:
    """Renders every page in the language of the catalogue.

    `form_targets` are the origins to which a logout may lead by redirect, `hosts` those to which a login may.
    """

    def __init__(
        self,
        brand: Brand,
        catalogue: Catalogue,
        switch: Switch,
        templates: Environment,
        form_targets: Sequence[str] = (),
        hosts: Sequence[str] = (),
    ) -> None:
        public_url = switch.public_url
        origin, https = origin_of(public_url), public_url.startswith("https:")
        self._catalogue = catalogue
        self._switch = switch
        self._public_url = public_url
        self._security = page_headers(https=https, own_origin=origin)
        self._form_security = page_headers(https=https, own_origin=origin, form_targets=form_targets)
        self._hosts = tuple([host.rstrip("/") for host in hosts])
        self._brand = brand
        self._forbidden: tuple[bytes, ...] = ()
        self._forbidden_lines: dict[int, Lines] = {}
        self._templates = templates
        self._context = {
            "brand": brand,
            "language": catalogue.language,
            "base": public_url,
            "say": catalogue.say,
        }

    def chooser(
        self,
        options: Sequence[tuple[str, str, str]],
        return_to: str,
        last_used: str = "",
        user: str = "",
        why: str = "",
    ) -> Reply:
        """The providers to choose among, as (name, title, mark), and where the login leads.

        `last_used` is the name of the one that comes first; `user` is who is signed in already, where that is not
        enough; `why` as in `SignInForm`.
        """
        names = ",".join([name for name, _, _ in options])
        return self._page(
            200,
            "chooser",
            here={"page": "login", "rd": return_to, "provider": names},
            options=options_of(options, self._public_url, return_to, last_used),
            host=self._host(return_to),
            user=user,
            ended=self._ended(why),
        )

    def sign_in(
        self,
        form: SignInForm,
        options: Sequence[tuple[str, str, str]],
        return_to: str,
        last_used: str = "",
        user: str = "",
    ) -> Reply:
        """The form for a name and a password, and beside it the providers that are elsewhere; else as `chooser`."""
        key = f"error.{form.problem.key}" if form.problem else ""
        return self._page(
            form.status,
            "sign_in",
            self._sign_in_security(return_to),
            here=ELSEWHERE if form.attempt else {"page": "login", "rd": return_to, "provider": form.hint},
            form=form,
            lead=self._catalogue.say(f"{key}.lead") if key else "",
            todo=self._catalogue.say(f"{key}.todo") if key else "",
            rd=return_to,
            options=options_of(options, self._public_url, return_to, last_used),
            host=self._host(return_to),
            user=user,
            ended=self._ended(form.why),
        )

    def _ended(self, why: str) -> str:
        """Why the last session is over, as a sentence; "" where there is nothing to tell."""
        return self._catalogue.say(_ENDED[why]) if why in _ENDED else ""

    def _sign_in_security(self, return_to: str) -> HeaderLines:
        # A form's answer leads to the application, which may lead on to another protected host; browsers hold every
        # step against `form-action`.
        fits = len(" ".join(self._hosts)) <= MAX_TARGETS
        return page_headers(
            https=self._public_url.startswith("https:"),
            own_origin=origin_of(self._public_url),
            form_targets=self._hosts if fits else (origin_of(return_to),),
            script=self._brand.script.partition("?")[0],
        )

    def _host(self, return_to: str) -> str:
        """The host is shown so that a person sees for whom they sign in; the gateway's own needs no mention."""
        return "" if return_to.startswith(f"{self._public_url}/") else urlsplit(return_to).netloc

    def logout(self, user: str, token: str) -> Reply:
        """Asks before a logout; `token` comes back with the form."""
        return self._page(200, "logout", self._form_security, here={"page": "logout"}, user=user, token=token)

    def still_signed_in(self, user: str, token: str) -> Reply:
        """In place of the signed-out page for who is signed in: the way out, and the way on; `token` as in `logout`."""
        return self._page(
            200, "still_signed_in", self._form_security, here={"page": "signed-out"}, user=user, token=token
        )

    def signed_out(self) -> Reply:
        return self._page(200, "signed_out", here={"page": "signed-out"})

    def me(self, session: Session) -> Reply:
        """Who is signed in, and for how long. No token is shown, and none is at hand."""
        return self._page(200, "me", here={"page": "me"}, facts=self._facts(session))

    def error(
        self, fault: FaultPage, decision_id: str, *lines: tuple[bytes, bytes], way_back: str = ""
    ) -> Reply:
        """What went wrong, what to do, and the reference under which the log knows more.

        `way_back` is where starting again leads, an address that was judged; "" for nowhere in particular.
        """
        key = f"error.{fault.key}"
        say = self._catalogue.say
        action = "" if not fault.again else say("action.login" if fault.status == 401 else "action.again")
        return self._page(
            fault.status,
            "error",
            (*self._security, *lines),
            # The page cannot be shown again. Where it would lead on, in the other language, the switch leads too.
            here={"page": "login", "rd": way_back} if way_back and action else ELSEWHERE,
            heading=say(f"{key}.title"),
            lead=say(f"{key}.lead"),
            todo=say(f"{key}.todo"),
            action=action,
            login=f"{self._public_url}/auth/login" + (f"?rd={quote(way_back, safe='')}" if way_back else ""),
            reference=decision_id,
        )

    def forbidden(self, decision_id: str) -> Reply:
        """The page of a 403. It names no rule: that is for the log and for `gateway explain`.

        Whoever is locked out asks again and again, so it is rendered once, and the id put in its places.
        """
        if not self._forbidden:
            self._forbidden = tuple(self._page(403, "forbidden", reference=_HERE).body.split(_HERE.encode()))
        body = escape(decision_id).encode().join(self._forbidden)
        lines = self._forbidden_lines.get(len(body))
        if lines is None:  # the length of the page is all that differs, with that of the id
            shown = self._html(403, body, self._security)
            lines = self._forbidden_lines[len(body)] = Lines.of(shown.headers)
        return Reply(403, lines.headers, body, lines.wire)

    def _page(
        self,
        status: int,
        name: str,
        lines: HeaderLines = (),
        here: Mapping[str, str] = ELSEWHERE,
        **values: Any,
    ) -> Reply:
        """A page from its template. `here` says how the switch of languages finds the way back to it."""
        language = self._catalogue.language
        context = {
            **self._context,
            "reference": "",
            "languages": self._switch.choices(language, **here),
            **values,
        }
        if "heading" not in context:
            context["heading"] = self._catalogue.say(f"{name}.title")
        body = self._templates.get_template(f"{name}.html").render(context).encode()
        return self._html(status, body, lines or self._security)

    def _html(self, status: int, body: bytes, lines: HeaderLines) -> Reply:
        language = (b"content-language", self._catalogue.language.encode("ascii"))
        return reply(status, b"text/html; charset=utf-8", body, (language, *lines))

    def _facts(self, session: Session) -> list[Fact]:
        identity = session.latest
        email = identity.email
        if email and not identity.email_verified:
            email = self._catalogue.say("me.email_unverified", email=email)
        facts = [
            Fact("me.user", (identity.user,)),
            Fact("me.name", (identity.name,)),
            Fact("me.email", (email,)),
            Fact("me.groups", identity.groups),
            Fact("me.provider", (identity.provider,)),
            Fact("me.subject", (identity.key,)),
            Fact("me.ends", (_moment(session.absolute_end),)),
        ]
        return [fact for fact in facts if any(fact.values)]


def page_templates() -> Environment:
    """The templates of all pages, the same in every language; each is compiled once."""
    return Environment(
        loader=PackageLoader("gateway.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def reply(status: int, content_type: bytes, body: bytes, lines: HeaderLines) -> Reply:
    """An answer of the public listener. It depends on who asks, and for what."""
    own = (
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"vary", b"Accept-Language, Cookie, Accept"),
    )
    return Reply(status, (*own, *lines), body)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
