"""Providers: their names, whom they vouch for, and whether two of them could mean one name for two people."""

import re
from collections.abc import Iterator
from itertools import combinations

from gateway.settings.addresses import read_address
from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import ClientSection, OidcSection, ProviderSection, Settings

# Words that stand in the place of a provider's name in the paths of the gateway (/auth/NAME, /auth/NAME/callback).
_RESERVED = frozenset(
    """
    account admin auth backchannel-logout callback device frontchannel-logout healthz language link login logout logout-all me
    metrics oauth policy readyz refresh signed-out users verify well-known
    """.split()  # noqa: SIM905 - words read best as words
)

# Where anybody may make an account: host, and the beginning of the path where only a part of the host is open.
_OPEN_TO_THE_PUBLIC: tuple[tuple[str, str], ...] = (
    ("accounts.google.com", ""),
    ("appleid.apple.com", ""),
    ("account.apple.com", ""),
    ("login.microsoftonline.com", "/common"),
    ("login.microsoftonline.com", "/consumers"),
    ("login.microsoftonline.com", "/organizations"),
    ("login.microsoftonline.com", "/9188040d-6c67-4c5b-b112-36a304b66dad"),  # the tenant of personal accounts
    ("login.live.com", ""),
    ("gitlab.com", ""),
    ("github.com", ""),
    ("bitbucket.org", ""),
    ("discord.com", ""),
    ("discordapp.com", ""),
    ("slack.com", ""),
    ("id.twitch.tv", ""),
    ("www.facebook.com", ""),
    ("facebook.com", ""),
    ("limited.facebook.com", ""),
    ("www.linkedin.com", ""),
    ("api.login.yahoo.com", ""),
    ("access.line.me", ""),
    ("kauth.kakao.com", ""),
    ("login.salesforce.com", ""),
    ("www.paypal.com", ""),
    ("huggingface.co", ""),
    ("codeberg.org", ""),
    ("id.atlassian.com", ""),
    ("login.dingtalk.com", ""),
    ("login.dingtalk.io", ""),
    ("accounts.feishu.cn", ""),
    ("accounts.larksuite.com", ""),
    ("passport.feishu.cn", ""),
    ("passport.larksuite.com", ""),
    ("open.weixin.qq.com", ""),
    ("graph.qq.com", ""),
    ("api.weibo.com", ""),
    ("gitee.com", ""),
    ("gitea.com", ""),
    ("x.com", ""),
    ("twitter.com", ""),
    ("www.reddit.com", ""),
    ("accounts.spotify.com", ""),
    ("steamcommunity.com", ""),
    ("oauth.yandex.ru", ""),
    ("oauth.yandex.com", ""),
    ("id.vk.com", ""),
    ("oauth.vk.com", ""),
    ("www.amazon.com", ""),
    ("www.dropbox.com", ""),
)

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, appendix A.4
_CLAIM = re.compile(r"\{[A-Za-z0-9_][A-Za-z0-9_.:/-]*\}")


def names_are_free(settings: Settings) -> Iterator[Fault]:
    for name in settings.providers:
        if name in _RESERVED:
            yield Fault(
                ("providers", name), "is a word of the gateway's own paths", "give the provider another name"
            )


def addresses_are_safe(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        for key, url in provider.endpoints.items():
            yield from _unsafe(("providers", name, key), url)


def _unsafe(path: YamlPath, url: str) -> Iterator[Fault]:
    address = read_address(url)
    if address is None or address.wild:
        what = "is no address of an issuer" if path[-1] == "issuer" else "is no address"
        yield Fault(path, what, "write scheme, host and path, as in https://idp.example.com")
    elif path[-1] == "issuer" and "/.well-known/" in url:
        issuer = url.partition("/.well-known/")[0]
        yield Fault(
            path, "is the address of the provider's document", f"write the issuer itself, as in {issuer}"
        )
    elif address.scheme == "http" and not address.loopback:
        # OpenID Connect Discovery 1.0, section 3: the issuer is a URL with the https scheme.
        yield Fault(path, "plain http would carry passwords and tokens in the clear", "write https://")


def scopes_are_scopes(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if isinstance(provider, OidcSection) and "openid" not in provider.scopes:
            path = ("providers", name, "scopes")
            yield Fault(path, "lacks openid, without which there is no ID token", "add openid")
        if not isinstance(provider, ClientSection):
            continue
        for key in ("scopes", "required_scopes"):
            for index, scope in enumerate(getattr(provider, key)):
                if not _SCOPE.fullmatch(scope):
                    instead = "write one scope for each entry, without blanks and quotes"
                    yield Fault(("providers", name, key, index), "is no scope", instead)


def required_scopes_are_asked_for(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if not isinstance(provider, ClientSection):
            continue
        for index, scope in enumerate(provider.required_scopes):
            if scope not in provider.scopes:
                path = ("providers", name, "required_scopes", index)
                yield Fault(
                    path, f"{scope} is not asked for, so that nobody would be granted it", "add it to scopes:"
                )


def public_ones_are_limited(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        said = provider.allow is not None or provider.anyone or provider.limited
        if (provider.public or _open_to_the_public(provider)) and not said:
            own = f"{provider.membership}:, or " if provider.membership else ""
            # Where no address is ever verified, a list of addresses would let nobody in.
            addresses = "email_domains, emails, " if provider.vouches else ""
            yield Fault(
                ("providers", name),
                "lets everybody in who makes an account there",
                f"add {own}allow: with {addresses}users or groups, or anyone: true if that is meant",
            )


def _open_to_the_public(provider: ProviderSection) -> bool:
    # Each of them: what a section calls its issuer says nothing of whose page browsers are sent to.
    return any(_stands_in_public(url) for url in (provider.home, *provider.endpoints.values()))


def _stands_in_public(url: str) -> bool:
    address = read_address(url)
    if address is None:
        return False
    path = f"{address.path.rstrip('/').lower()}/"
    return any(address.host == host and path.startswith(f"{start}/") for host, start in _OPEN_TO_THE_PUBLIC)


def group_prefixes_are_free(settings: Settings) -> Iterator[Fault]:
    """Bare groups beside those of other providers: a prefix must not make them look like theirs."""
    for name, provider in settings.providers.items():
        for index, place in enumerate(provider.groups_claim):
            word, colon, _ = place.prefix.partition(":")
            if colon and word != name and word in settings.providers and provider.qualify_groups is False:
                path = ("providers", name, "groups_claim", index, "prefix")
                yield Fault(path, f"would make groups of {word} of these", "write another prefix")


def user_templates_are_templates(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        rest = _CLAIM.sub("", provider.user)
        if rest == provider.user or "{" in rest or "}" in rest or provider.user.count("{") == 0:
            yield Fault(
                ("providers", name, "user"),
                "is no template",
                'write claims in braces, as in "{preferred_username}" or "corp:{sub}"',
            )


def users_are_told_apart(settings: Settings) -> Iterator[Fault]:
    """Two people under one X-Auth-User are one person to the application behind us."""
    for (first, one), (second, other) in combinations(settings.providers.items(), 2):
        shared = one.namespace is not None and one.namespace == other.namespace
        if not shared and _could_be_equal(one.user, other.user):
            # The one without text in front is what has to change; the other one may do as it stands.
            bare, its, who = (
                (first, one, second) if _bare(one) and not _bare(other) else (second, other, first)
            )
            yield Fault(
                ("providers", bare, "user"),
                f"could give a person of {bare} the name of another person of {who}",
                f'write text of its own in front, as in "{bare}:{_first_claim(its)}", '
                "or one namespace for both if a name means the same person in both",
            )


def _bare(provider: ProviderSection) -> bool:
    return provider.user.startswith("{")


def _first_claim(provider: ProviderSection) -> str:
    found = _CLAIM.search(provider.user)
    return found[0] if found else "{sub}"


def _could_be_equal(one: str, other: str) -> bool:
    """Only different text at the same end keeps two templates apart, whatever the claims hold.

    A capital is no difference: many an application takes `Corp:ann` for `corp:ann`.
    """
    one, other = one.casefold(), other.casefold()
    start, other_start = one.partition("{")[0], other.partition("{")[0]
    end, other_end = one.rpartition("}")[2], other.rpartition("}")[2]
    same_start = start.startswith(other_start) or other_start.startswith(start)
    same_end = end.endswith(other_end) or other_end.endswith(end)
    return same_start and same_end
