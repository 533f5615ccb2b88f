"""What a section of type `ad-api` must say, so that no answer of the API is read as what it is not."""

import re
from collections.abc import Iterator

from gateway.settings.ad_api import AdApiProvider
from gateway.settings.api_answers import Refusals
from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import Settings

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = frozenset({"username", "password", "domain"})
# Headers that the request has anyway, or that would let the configuration break its framing.
_OURS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "trailer",
    }
    | {"transfer-encoding", "upgrade"}
)


def requests_are_whole(settings: Settings) -> Iterator[Fault]:
    for here, section in _sections(settings):
        used = {name for template in section.body.values() for name in _PLACEHOLDER.findall(template)}
        if not {"username", "password"} <= used:
            yield Fault(
                (*here, "body"),
                "sends no name, or no password",
                'write members with "{username}" and "{password}"',
            )
        for member, template in section.body.items():
            if not set(_PLACEHOLDER.findall(template)) <= _KNOWN:
                yield Fault(
                    (*here, "body", member),
                    "has braces around something unknown",
                    "write {username}, {password} or {domain}",
                )
        for name in section.headers:
            if name.lower() in _OURS:
                yield Fault((*here, "headers", name), "is written by the gateway itself", "leave it out")


def domains_are_told_apart(settings: Settings) -> Iterator[Fault]:
    for here, section in _sections(settings):
        seen: dict[str, str] = {}
        for written, others in section.domains.items():
            for spelling in {one.casefold() for one in (written, *others)}:
                if spelling in seen:
                    yield Fault(
                        (*here, "domains", written),
                        f"has a spelling of {seen[spelling]}",
                        "write each spelling for one domain",
                    )
                seen[spelling] = written
        if section.domain and section.domain.casefold() not in seen:
            yield Fault((*here, "domain"), "is none of domains:", "write one of them, or leave it out")


def successes_are_successes(settings: Settings) -> Iterator[Fault]:
    for here, section in _sections(settings):
        rule = section.success
        if any(status >= 300 for status in rule.status) or not rule.status:
            yield Fault(
                (*here, "success", "status"), "lists what is no success", "write statuses from 200 to 299"
            )
        if not rule.path and rule.if_absent == "accept":
            yield Fault(
                (*here, "success"),
                "takes every answer with its status for a success",
                "write path: and equals:, or if_absent: require_token",
            )


def refusals_say_something(settings: Settings) -> Iterator[Fault]:
    for here, section in _sections(settings):
        for name in Refusals.model_fields:
            for when in getattr(section.errors, name):
                if not when.status and not when.path:
                    yield Fault(
                        (*here, "errors", name),
                        "says neither a status nor a path",
                        "write one of them, or both",
                    )


def lives_are_in_order(settings: Settings) -> Iterator[Fault]:
    for here, section in _sections(settings):
        if section.token.max_ttl < 60:
            yield Fault((*here, "token", "max_ttl"), "is under a minute", "write a duration, as in 12h")
        elif section.token.default_ttl > section.token.max_ttl:
            yield Fault((*here, "token", "default_ttl"), "is longer than max_ttl", "write a shorter one")


def _sections(settings: Settings) -> Iterator[tuple[YamlPath, AdApiProvider]]:
    for name, provider in settings.providers.items():
        if isinstance(provider, AdApiProvider):
            yield ("providers", name), provider
