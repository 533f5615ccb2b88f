"""The OpenID conformance suite as a relying party meets it: the suite is the provider, and watches what is asked of it.

The names are those of the suite's test modules (`oidcc-client-test-…`, as of August 2026). `PLANS` lists all that
concern a client of the code flow whose registration is fixed; the tests carry them as ids of their rows.
"""

import sqlite3

from tests.kit.browser import Browser, Hop
from tests.kit.wired import APP, COOKIE, Wired

_CLIENT = "oidcc-client-test"
_BACK = f"{_CLIENT}-rp-backchannel-rpinitlogout"

PLANS = {
    "basic": (
        _CLIENT,
        f"{_CLIENT}-client-secret-basic",
        f"{_CLIENT}-idtoken-sig-rs256",
        f"{_CLIENT}-idtoken-sig-none",
        f"{_CLIENT}-invalid-sig-rs256",
        f"{_CLIENT}-invalid-sig-es256",
        f"{_CLIENT}-invalid-iss",
        f"{_CLIENT}-invalid-aud",
        f"{_CLIENT}-missing-aud",
        f"{_CLIENT}-missing-iat",
        f"{_CLIENT}-missing-sub",
        f"{_CLIENT}-nonce-invalid",
        f"{_CLIENT}-kid-absent-single-jwks",
        f"{_CLIENT}-kid-absent-multiple-jwks",
        f"{_CLIENT}-ignores-unparseable-key-in-jwks",
        f"{_CLIENT}-scope-userinfo-claims",
        f"{_CLIENT}-userinfo-bearer-header",
        f"{_CLIENT}-userinfo-bearer-body",
        f"{_CLIENT}-userinfo-invalid-sub",
    ),
    "config": (
        f"{_CLIENT}-discovery-openid-config",
        f"{_CLIENT}-discovery-issuer-mismatch",
        f"{_CLIENT}-discovery-jwks-uri-keys",
        f"{_CLIENT}-signing-key-rotation",
        f"{_CLIENT}-signing-key-rotation-just-before-signing",
    ),
    "refresh": (
        f"{_CLIENT}-refresh-token",
        f"{_CLIENT}-refresh-token-invalid-issuer",
        f"{_CLIENT}-refresh-token-invalid-sub",
        f"{_CLIENT}-refresh-token-invalid-aud",
        f"{_CLIENT}-refresh-token-invalid-azp",
    ),
    "hybrid": (
        f"{_CLIENT}-invalid-athash",
        f"{_CLIENT}-missing-athash",
        f"{_CLIENT}-invalid-chash",
        f"{_CLIENT}-missing-chash",
    ),
    "back-channel": (
        _BACK,
        f"{_BACK}-alg-none",
        f"{_BACK}-wrong-alg",
        f"{_BACK}-no-event",
        f"{_BACK}-wrong-event",
        f"{_BACK}-with-nonce",
        f"{_BACK}-wrong-aud",
        f"{_BACK}-wrong-iss",
    ),
    "rp-initiated": (
        f"{_CLIENT}-rp-init-logout",
        f"{_CLIENT}-rp-init-logout-no-state",
        f"{_CLIENT}-rp-init-logout-other-state",
    ),
}
MODULES = frozenset([module for plan in PLANS.values() for module in plan])


async def sign_in(browser: Browser) -> Hop:
    """A person opens a page that asks for a login, and the browser goes where it is sent."""
    return await browser.open(f"{APP}/report")


async def assert_refused(house: Wired, browser: Browser, last: Hop) -> None:
    """The callback is a page that explains, nobody has a session, and the log says why."""
    assert last.status == 400, last.response.text
    assert last.url.startswith(f"{house.settings.public_url}/auth/corp/callback?")
    assert browser.jar.get(COOKIE) is None
    assert sessions(house) == 0
    (line,) = await house.lines("login.finished")
    assert line["outcome"] == "provider_lied", line


def sessions(house: Wired) -> int:
    """Sessions in the embedded store."""
    link = sqlite3.connect(f"file:{house.database}?mode=ro", uri=True)
    try:
        return int(link.execute("SELECT count(*) FROM record").fetchone()[0])
    finally:
        link.close()
