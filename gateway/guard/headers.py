"""The security headers of every page."""

from collections.abc import Sequence

_PAGE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
# A year (RFC 6797). Not for subdomains: on a shared parent domain they are not ours to promise.
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


def page_headers(
    *, https: bool, form_targets: Sequence[str] = (), own_origin: str = "", script: str = ""
) -> tuple[tuple[bytes, bytes], ...]:
    """Header pairs of a page, names in lower case.

    `own_origin` is the gateway's: a page that a proxy shows on an application's host takes its style sheet from there.

    `script` is the address of the one script that may run; without it none may.

    `form_targets` are origins out of the configuration to which a form may lead by redirect: Chromium holds
    `form-action` against every step after the POST, not only against its address.
    """
    policy = "; ".join(
        [
            "default-src 'none'",
            # A path and no origin: another file of ours, or of an application on our host, is no script of this page.
            *([f"script-src {script}"] if script else []),
            f"style-src 'self' {own_origin}".rstrip(),
            f"img-src 'self' {own_origin}".rstrip(),
            " ".join(["form-action 'self'", *form_targets]),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )
    lines = ((b"content-security-policy", policy.encode("ascii")), *_PAGE)
    return (*lines, _STRICT_TRANSPORT) if https else lines
