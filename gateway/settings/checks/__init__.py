"""Rules of the configuration that need two keys, or the meaning of a value. Pure: settings in, findings out."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from gateway.settings.checks import (
    brand,
    client_keys,
    credentials,
    criteria,
    directories,
    directory_apis,
    guesses,
    header_names,
    letter_case,
    listeners,
    membership,
    openid_vendors,
    origins,
    patterns,
    providers,
    rules,
    selection,
    times,
    tokens,
    vouching,
)
from gateway.settings.fault import Fault, YamlPath, overlap
from gateway.settings.model import Settings

Check: TypeAlias = Callable[[Settings], Iterator[Fault]]


@dataclass(frozen=True, slots=True)
class Row:
    """A check, and the parts of the file that it reads: it has nothing to say where one of them is damaged."""

    check: Check
    reads: tuple[YamlPath, ...]


_PROXIES = ("server", "trusted_proxies")
_VERIFY = ("server", "verify_bind")
_SECRET = ("server", "verify_secret")
_DOMAIN = ("sessions", "cookie_domain")
_RULES: tuple[YamlPath, ...] = (("rules",), ("policies",))

CHECKS: tuple[Row, ...] = (
    Row(listeners.somebody_is_trusted, (_PROXIES, _VERIFY, _SECRET)),
    Row(listeners.nobody_trusts_everybody, (_PROXIES,)),
    Row(listeners.shared_port_has_a_secret, (_VERIFY, _SECRET)),
    Row(listeners.secret_fits_a_header, (_SECRET,)),
    Row(listeners.listeners_stand_apart, (("server", "bind"), _VERIFY, ("server", "metrics_bind"))),
    Row(origins.plain_http_stays_at_home, (("public_url",), ("hosts",))),
    Row(origins.schemes_agree, (("public_url",), ("hosts",))),
    Row(origins.hosts_are_distinct, (("hosts",),)),
    Row(origins.cookie_reaches_every_host, (("public_url",), ("hosts",), _DOMAIN)),
    Row(times.times_are_positive, (("sessions",), ("login",), ("assertion",), ("providers",))),
    Row(times.idle_ends_before_absolute, (("sessions", "idle"), ("sessions", "absolute"))),
    Row(times.memory_is_short, (("sessions", "cache_ttl"), ("sessions", "on_store_failure"))),
    Row(header_names.headers_are_distinct, (("headers",),)),
    Row(header_names.headers_are_free, (("headers",),)),
    Row(header_names.passed_tokens_have_a_header, (("headers",), *_RULES)),
    Row(patterns.paths_are_patterns, _RULES),
    Row(criteria.criteria_say_somebody, (*_RULES, ("providers",))),
    Row(rules.names_are_distinct, _RULES),
    Row(rules.matchers_say_something, _RULES),
    Row(rules.hosts_are_listed, (*_RULES, ("hosts",))),
    Row(rules.methods_are_methods, _RULES),
    Row(rules.providers_exist, (*_RULES, ("providers",))),
    Row(rules.public_rules_pass_no_token, _RULES),
    Row(credentials.basic_has_a_provider, (*_RULES, ("providers",))),
    Row(credentials.keys_of_credentials_are_used, _RULES),
    Row(credentials.credentials_find_somebody_who_looks, _RULES),
    Row(rules.every_rule_is_reached, _RULES),
    Row(selection.login_hosts_are_protected, (("login", "hosts"), ("hosts",))),
    Row(selection.offered_providers_exist, (("login",), ("providers",))),
    Row(letter_case.rules_differ_in_more_than_case, (*_RULES, ("case_sensitive_paths",))),
    Row(providers.names_are_free, (("providers",),)),
    Row(providers.addresses_are_safe, (("providers",),)),
    Row(providers.scopes_are_scopes, (("providers",),)),
    Row(providers.required_scopes_are_asked_for, (("providers",),)),
    Row(providers.public_ones_are_limited, (("providers",),)),
    Row(providers.group_prefixes_are_free, (("providers",),)),
    Row(membership.corps_are_asked_for, (("providers",),)),
    Row(membership.organizations_are_asked_for, (("providers",),)),
    Row(membership.feishu_names_tell_tenants_apart, (("providers",),)),
    Row(membership.secrets_are_there, (("providers",),)),
    Row(providers.user_templates_are_templates, (("providers",),)),
    Row(providers.users_are_told_apart, (("providers",),)),
    Row(vouching.addresses_are_vouched_for, (("providers",),)),
    Row(vouching.names_are_more_than_shown, (("providers",),)),
    Row(client_keys.keys_are_keys, (("providers",),)),
    Row(client_keys.keys_are_used, (("providers",),)),
    Row(client_keys.strict_ones_have_a_key, (("providers",),)),
    Row(openid_vendors.auth0_issuers_end_with_a_slash, (("providers",),)),
    Row(openid_vendors.entra_sections_are_whole, (("providers",),)),
    Row(directories.nothing_goes_in_the_clear, (("providers",),)),
    Row(directories.bases_are_names, (("providers",),)),
    Row(directories.service_accounts_are_whole, (("providers",),)),
    Row(directories.domains_are_known, (("providers",),)),
    Row(directories.filters_find_one, (("providers",),)),
    Row(directories.groups_can_be_found, (("providers",),)),
    Row(directories.waits_fit, (("providers",),)),
    Row(directory_apis.requests_are_whole, (("providers",),)),
    Row(directory_apis.domains_are_told_apart, (("providers",),)),
    Row(directory_apis.successes_are_successes, (("providers",),)),
    Row(directory_apis.refusals_say_something, (("providers",),)),
    Row(directory_apis.lives_are_in_order, (("providers",),)),
    Row(tokens.token_lifetimes_fit, (("tokens",), ("sessions", "idle"))),
    Row(tokens.token_origins_are_written_out, (("tokens",),)),
    Row(tokens.return_addresses_are_safe, (("tokens",),)),
    Row(tokens.bearers_are_issued, (("tokens",), *_RULES)),
    Row(brand.accents_are_seen, (("pages",),)),
    Row(brand.accents_come_in_pairs, (("pages",),)),
)

WARNINGS: tuple[Row, ...] = (
    Row(listeners.addresses_behind_the_proxy_are_seen, (_PROXIES, _VERIFY)),
    Row(listeners.trust_is_narrow, (_PROXIES,)),
    Row(origins.plain_http_is_noted, (("public_url",),)),
    Row(rules.open_doors_are_noted, _RULES),
    Row(rules.rare_methods_are_noted, _RULES),
    Row(rules.passed_tokens_are_noted, (*_RULES, ("hosts",))),
    Row(directories.accounts_without_a_second_look_are_noted, (("providers",),)),
    Row(directories.passwords_that_are_kept_for_nothing_are_noted, (("providers",),)),
    Row(guesses.domains_that_multiply_tries_are_noted, (("providers",), ("login",))),
    Row(criteria.groups_are_qualified, (*_RULES, ("providers",))),
)


def faults(settings: Settings, without: Collection[YamlPath] = ()) -> tuple[Fault, ...]:
    """Everything that is wrong. Checks that read a path of `without` (a stand-in for a damaged value) are left out."""
    return _run(CHECKS, settings, without)


def warnings(settings: Settings, without: Collection[YamlPath] = ()) -> tuple[Fault, ...]:
    """What may be meant so, and is worth a look."""
    return _run(WARNINGS, settings, without)


def _run(table: tuple[Row, ...], settings: Settings, without: Collection[YamlPath]) -> tuple[Fault, ...]:
    sound = [row for row in table if not any(overlap(read, gone) for read in row.reads for gone in without)]
    return tuple(chain.from_iterable(row.check(settings) for row in sound))
