"""Every page that a person may see, in a language: for tests that look at all of them.

pages = editions().of(asking("zh-TW"))
for name, reply in gallery(pages).items(): ...
"""

from collections.abc import Mapping
from typing import Any

from gateway.identity.identity import Identity
from gateway.identity.presented import Head, Reply
from gateway.pages import faults
from gateway.pages.editions import Editions
from gateway.pages.faults import FaultPage
from gateway.pages.render import Pages
from gateway.pages.sign_in import Field, SignInForm
from gateway.sessions.session import Session
from gateway.settings.addresses import origin_of
from gateway.settings.model import Settings

AUTH = "https://auth.example.com"
APP = "https://app.example.com"

BRAND: Mapping[str, Any] = {
    "title": "Acme",
    "accent": "#0b7a55",
    "accent_dark": "#4fd1a5",
    "footer": "For employees of Acme.",
    "links": [{"label": "Privacy", "url": "https://acme.example/privacy"}],
}

OPTIONS = (
    ("corp", "Example Corp", ""),
    ("github", "GitHub", "GH"),
    ("dingtalk", "钉钉", ""),
    ("partners", "Partner Network of the Upper Rhine", ""),
)

PLACES = (
    Field("corp/EXAMPLE", "Example Corp: EXAMPLE"),
    Field("corp/PARTNER", "Example Corp: PARTNER"),
    Field("emergency", "Break glass"),
)
FORMS = {
    "sign in": SignInForm(fields=PLACES[:1], token="t"),
    "sign in after a forced logout": SignInForm(fields=PLACES[:1], token="t", why="password_refused"),
    "sign in somewhere": SignInForm(fields=PLACES, place="corp/PARTNER", token="t", hint="corp"),
    "sign in once more": SignInForm(fields=PLACES[:1], token="t", attempt="a"),
    "sign in, wrong password": SignInForm(
        fields=PLACES[:1], token="t", name="alice", problem=faults.REASONS["wrong_password"]
    ),
    "sign in, limited": SignInForm(
        fields=PLACES, token="t", name="alice", problem=faults.REASONS["account_locked"], minutes=3
    ),
}

FAULTS: tuple[FaultPage, ...] = tuple(
    dict.fromkeys(
        [
            *faults.PAGES.values(),
            *faults.REASONS.values(),
            *[one for one in vars(faults).values() if isinstance(one, FaultPage)],
        ]
    )
)


def settings_with(public_url: str = AUTH, **pages: Any) -> Settings:
    """A configuration whose `pages:` are these."""
    hosts, rules = [origin_of(public_url)], [{"allow": "authenticated"}]
    return Settings.model_validate({"public_url": public_url, "hosts": hosts, "rules": rules, "pages": pages})


def editions(public_url: str = AUTH, **pages: Any) -> Editions:
    """The pages of such a gateway."""
    return Editions(settings_with(public_url, **pages))


def asking(language: str = "", cookie: str = "", **lines: str) -> Head:
    """A request with these values of Accept-Language and Cookie."""
    given = {"accept-language": language, "cookie": cookie, **lines}
    headers = [
        (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items() if value
    ]
    return Head("GET", b"/", tuple(headers), "192.0.2.7")


def session(**changes: Any) -> Session:
    """Somebody who is signed in."""
    person = {"user": "alice", "name": "Alice", "email": "a@example.com", "groups": ("a", "b")} | changes
    identity = Identity(provider="staff", issuer="https://idp", subject="1", authenticated_at=1, **person)
    return Session(id="s", identities=(identity,), created=1, absolute_end=1_800_000_000, version=1, seen=1)


def _sign_in(pages: Pages, form: SignInForm) -> Reply:
    return pages.sign_in(form, (), f"{APP}/x")


def gallery(pages: Pages) -> dict[str, Reply]:
    """Each page at least once, each error too."""
    return {
        "chooser": pages.chooser(OPTIONS, f"{APP}/x", "github"),
        "chooser for who is signed in": pages.chooser(OPTIONS[:2], f"{APP}/x", user="alice"),
        "chooser after a forced logout": pages.chooser(OPTIONS[:1], f"{APP}/x", why="refresh_exhausted"),
        "chooser of nothing": pages.chooser((), f"{AUTH}/users/me"),
        **{name: _sign_in(pages, form) for name, form in FORMS.items()},
        "sign in or choose": pages.sign_in(FORMS["sign in"], OPTIONS[1:3], f"{APP}/x", "github", "alice"),
        "logout": pages.logout("alice", "token"),
        "logout, nobody knows of whom": pages.logout("", "token"),
        "signed out": pages.signed_out(),
        "still signed in": pages.still_signed_in("alice", "token"),
        "still signed in, nobody knows as whom": pages.still_signed_in("", "token"),
        "me": pages.me(session()),
        "forbidden": pages.forbidden("d-1"),
        **{f"error {fault.key} {fault.status}": pages.error(fault, "d-1") for fault in FAULTS},
    }
