"""Names of the identity headers: distinct, and none that a proxy or an application already understands."""

from collections.abc import Iterator

from gateway.settings.checks.naming import all_rules, whose
from gateway.settings.fault import Fault
from gateway.settings.hand_through import identity_headers
from gateway.settings.model import Settings

# An answer of ours that carries one of these would speak to the proxy or the browser, not to the application.
_TAKEN = frozenset(
    """
    accept age allow alt-svc authorization cache-control clear-site-data connection cookie date dnt early-data etag
    expect expires forwarded from host http2-settings keep-alive last-modified link location max-forwards origin pragma
    range referer refresh retry-after server set-cookie te trailer traceparent tracestate transfer-encoding upgrade
    user-agent vary via warning www-authenticate x-gateway-secret x-http-method-override x-method-override
    x-real-ip x-request-id x-rewrite-url
    """.split()  # noqa: SIM905 - words read best as words
)
_TAKEN_PREFIXES = (
    "accept-",
    "access-control-",
    "content-",
    "cross-origin-",
    "if-",
    "proxy-",
    "sec-",
    "x-accel-",
    "x-envoy-",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-original-",
)


def headers_are_distinct(settings: Settings) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for key, name in identity_headers(settings).items():
        folded = name.lower()
        if folded in first:
            yield Fault(
                ("headers", key),
                f"is the name of headers.{first[folded]} too",
                "write another name, or null to leave it out",
            )
        first.setdefault(folded, key)


def headers_are_free(settings: Settings) -> Iterator[Fault]:
    for key, name in identity_headers(settings).items():
        folded = name.lower()
        if folded in _TAKEN or folded.startswith(_TAKEN_PREFIXES):
            yield Fault(
                ("headers", key),
                "has a meaning of its own in HTTP or to proxies",
                f"write a name of yours, as in X-Auth-{key.title().replace('_', '-')}",
            )


def passed_tokens_have_a_header(settings: Settings) -> Iterator[Fault]:
    names = identity_headers(settings)
    for path, rule in all_rules(settings):
        for token in rule.pass_token:
            if token not in names:
                yield Fault(
                    (*path, "pass_token"),
                    f"{whose(rule)}there is no header for it: headers.{token} is null",
                    f"write a name there, as in X-Auth-{token.title().replace('_', '-')}, or leave the token out",
                )
