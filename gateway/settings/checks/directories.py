"""Directories that are asked by LDAP: nothing goes out in the clear, and what one key needs of another is there."""

import re
from collections.abc import Iterator

from gateway.settings.fault import Fault, YamlPath
from gateway.settings.ldap import LdapProvider
from gateway.settings.ldap_address import read_ldap_address
from gateway.settings.model import Settings

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_ASSERTION = re.compile(r"\(\s*[A-Za-z][A-Za-z0-9-]*[^()=]*=[^()]*\)")
_DN = re.compile(r"\s*[A-Za-z0-9.-]+\s*=\s*[^\s,]")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_KNOWN = frozenset({"name", "domain"})


def _directories(settings: Settings) -> Iterator[tuple[YamlPath, LdapProvider]]:
    for name, provider in settings.providers.items():
        if isinstance(provider, LdapProvider):
            yield ("providers", name), provider


def nothing_goes_in_the_clear(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        for index, url in enumerate(section.urls):
            place = (*path, "urls", index)
            address = read_ldap_address(url)
            if address is None:
                yield Fault(place, "is no address", "write scheme and host, as in ldaps://dc1.example.com")
            elif not address.tls and not section.starttls and not address.loopback:
                instead = "write ldaps://, or starttls: true"
                yield Fault(place, "plain ldap would carry passwords in the clear", instead)
            elif address.tls and section.starttls:
                yield Fault(
                    place,
                    "has TLS from the first byte, and starttls: true",
                    "write ldap://, or leave starttls out",
                )


def bases_are_names(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        for key in ("base", "group_base"):
            text = getattr(section, key)
            if text and not _DN.match(text):
                yield Fault((*path, key), "is no DN", "write one, as in DC=corp,DC=example,DC=com")


def service_accounts_are_whole(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        password = section.bind_password.get_secret_value() if section.bind_password else ""
        if section.bind_dn and not password:
            # With an empty one the directory would say yes to nobody in particular (RFC 4513 section 5.1.2).
            yield Fault(path, "has bind_dn without bind_password", "add bind_password: ${NAME}")
        if password and not section.bind_dn:
            yield Fault(path, "has bind_password without bind_dn", "add bind_dn")
        if not section.bind_dn and not section.active:
            yield Fault(
                path, "has no bind_dn, without which OpenLDAP finds nobody", "add bind_dn and bind_password"
            )
        if not section.bind_dn and section.active and not section.spellings:
            yield Fault(
                path,
                "has neither bind_dn nor a domain to sign people in under",
                "add bind_dn and bind_password, or domains",
            )


def domains_are_known(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        if section.domain and section.domain.casefold() not in section.spellings:
            yield Fault((*path, "domain"), "is none of domains", "write one of them, or add it")
        spelt = [one.casefold() for name, others in section.domains.items() for one in {name, *others}]
        for one in sorted({one for one in spelt if spelt.count(one) > 1}):
            yield Fault(
                (*path, "domains"), f"has {one} for two domains", "let each spelling mean one of them"
            )


def filters_find_one(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        if section.filter and "{name}" not in section.filter:
            yield Fault((*path, "filter"), "finds the same people whatever is typed", "write {name} in it")
        elif section.filter and "{" in _ASSERTION.sub("", section.filter):
            instead = "compare an attribute with each, as in (uid={name})"
            yield Fault((*path, "filter"), "has a placeholder that no attribute is compared with", instead)
        for key, known in (("filter", _KNOWN), ("group_filter", None)):
            text = getattr(section, key)
            if text and not _is_filter(text, known):
                yield Fault((*path, key), "is no filter", "write one in parentheses, as in (uid={name})")


def _is_filter(text: str, known: frozenset[str] | None) -> bool:
    names = _PLACEHOLDER.findall(text)
    rest = _PLACEHOLDER.sub("", text)
    named = all(one in known if known is not None else _ATTRIBUTE.fullmatch(one) for one in names)
    balanced = text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")")
    return named and balanced and not set(rest) & set("{}")


def groups_can_be_found(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        if section.groups == "in-chain" and not section.wanted_groups:
            yield Fault(
                (*path, "wanted_groups"),
                "is empty, so that nobody is in any group",
                "list the groups that rules name",
            )
        if section.groups != "in-chain" and section.wanted_groups:
            yield Fault(
                (*path, "wanted_groups"),
                "is read with groups: in-chain alone",
                "write keep_groups, or groups: in-chain",
            )
        if section.groups in {"token-groups", "in-chain"} and not section.active:
            yield Fault((*path, "groups"), "is a way of Active Directory", "write groups: search, or none")
        if section.groups == "search" and not section.group_filter:
            yield Fault((*path, "group_filter"), "is missing", "write one, as in (member={dn})")


def waits_fit(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        for key in ("recheck", "connect_timeout", "receive_timeout"):
            seconds = getattr(section, key)
            if seconds <= 0:
                yield Fault((*path, key), "is no time at all", "write a duration above 0, as in 2s")
            elif key != "recheck" and seconds >= section.timeout:
                what = "leaves no time for another controller within timeout"
                yield Fault((*path, key), what, "write less than timeout")


def accounts_without_a_second_look_are_noted(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        if section.bind_dn is None and not section.relogin:
            yield Fault(
                path,
                "has no bind_dn: who is disabled, has another password or has left a group in the directory stays as "
                "they were here until the session ends",
                "add bind_dn and bind_password of an account that may read, or relogin: true",
            )


def passwords_that_are_kept_for_nothing_are_noted(settings: Settings) -> Iterator[Fault]:
    for path, section in _directories(settings):
        if section.relogin and section.bind_dn and section.active:
            yield Fault(
                (*path, "relogin"),
                "keeps passwords for what the service account reads without them",
                "leave relogin out, or bind_dn",
            )
