"""What pydantic found wrong → sentences that say what to write instead. The input itself is never repeated."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from gateway.settings.fault import Fault, YamlPath, did_you_mean
from gateway.settings.ldap_address import LDAP_URL
from gateway.settings.pages import COLOUR, LINK
from gateway.settings.section import (
    DIRECTORY_ID,
    DOMAIN,
    ENTRA_TENANT,
    HEADER_NAME,
    HOST_PATTERN,
    ISSUER,
    WORD,
)
from gateway.settings.shape import known_keys
from gateway.settings.tokens import RETURN_ADDRESS

_MAPPING = ("must be a mapping", "write its keys beneath it, as `key: value`")
_LIST = ("must be a list", "write [a, b], or one `- item` on each line")
_TEXT = ("must be text", "write it in quotes")
_NUMBER = ("must be a whole number", "write digits alone, without unit and quotes")
_BOOLEAN = ("must be true or false", "write true or false")

# Types of pydantic-core errors: https://errors.pydantic.dev
_SENTENCES: Mapping[str, tuple[str, str]] = {
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "string_type": _TEXT,
    "string_unicode": ("is not Unicode text", "write it without surrogate escapes"),
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": _NUMBER,
    "int_from_float": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "too_short": ("is empty", "write at least one entry"),
    "string_too_short": ("is empty", "write its text, or leave the key out"),
    "outage_form": ("does not say what to do", "write closed, or {grace: 30s}"),
    "union_tag_not_found": (
        "does not say who may pass",
        "write public, optional, authenticated, or criteria as in {groups: [staff]}",
    ),
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "too_long": ("has too many entries", "write at most {max_length}"),
    "greater_than_equal": ("is too small", "write {ge} or more"),
}
_FORMS: Mapping[str, str] = {
    WORD: "write lower-case letters, digits and hyphens, beginning with a letter",
    HEADER_NAME: "write letters, digits and hyphens, as in X-Auth-User",
    ISSUER: "write the issuer's URL without query, as in https://idp.example.com",
    DOMAIN: "write a domain in lower case, without @ or a dot in front, as in example.com",
    COLOUR: "write a colour as #rrggbb, as in '#0b6bcb', in quotes",
    LINK: "write an address that begins with https://",
    HOST_PATTERN: "write a host in lower case, as in app.example.com, or *.apps.example.com for all below it",
    LDAP_URL: "write scheme and host, as in ldaps://dc1.example.com or ldap://dc1.example.com:389",
    RETURN_ADDRESS: "write an address with its scheme, as in https://spa.example.com/signed-in",
    DIRECTORY_ID: "write a directory (tenant) ID in lower case, as in 8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
    ENTRA_TENANT: "write the directory (tenant) ID in lower case, or organizations, common or consumers",
}
# Where the general sentence leaves people guessing: by the type of the error, and the key.
_OF_KEYS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("model_type", "allow"): ("does not say who", "write criteria, as in {groups: [staff]}"),
    ("tuple_type", "pass_token"): (
        "is no token",
        "write access_token, id_token, or both as [access_token, id_token]",
    ),
}
_OR_ELSE: Mapping[str, str] = {
    "allow": ", or criteria as in {groups: [staff]}",
    "on_store_failure": ", or {grace: 30s}",
}
_EMPTY: Mapping[str, str] = {
    "accent": "write it in quotes: # begins a comment",
    "accent_dark": "write it in quotes: # begins a comment",
}
_MISSING: Mapping[str, str] = {
    "public_url": "write where browsers meet the gateway, as in https://auth.example.com",
    "hosts": "write what is protected, as in [https://app.example.com]",
    "rules": "write who may pass, as in [{allow: authenticated}]",
    "allow": "write public, optional, authenticated, or criteria as in {groups: [staff]}",
    "issuer": "write the provider's issuer, as in https://idp.example.com",
    "client_id": "write what the provider calls the gateway",
    "user": 'write a template of X-Auth-User over the claims, as in "{login}"',
    "claims": "write where the claims stand, at least subject:, as in {subject: id}",
    "subject": "write the claim that names a person for ever, as in id",
    "path": "write the claim, or a dotted path to it",
    "tenant": "write the directory (tenant) ID, or organizations, common or consumers",
    "authorization_endpoint": "write where browsers are sent, as in https://idp.example.com/oauth/authorize",
    "token_endpoint": "write where codes become tokens, as in https://idp.example.com/oauth/token",
    "userinfo_endpoint": "write where the person is read, as in https://idp.example.com/api/me",
    "label": "write what the link says",
    "url": "write where it leads, as in https://www.example.com/privacy",
}


def to_faults(error: ValidationError, data: Any) -> list[Fault]:
    """One fault for each finding of pydantic, at its path in `data`."""
    found = error.errors(include_url=False, include_context=True, include_input=False)
    faults = [(one["type"], _to_fault(one["type"], one["loc"], one.get("ctx", {}), data)) for one in found]
    # pydantic calls a list too short too when none of its entries is valid; those have faults of their own.
    return [fault for kind, fault in faults if kind != "too_short" or not _at(fault.path, data)]


def unknown_keys(error: ValidationError, data: Any) -> set[YamlPath]:
    """The paths of keys that the model does not have."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return {_path(one["loc"], data, one["type"]) for one in found if one["type"] == "extra_forbidden"}


def _to_fault(kind: str, loc: YamlPath, context: Mapping[str, Any], data: Any) -> Fault:
    path = _path(loc, data, kind)
    if kind == "union_tag_invalid":
        path = (*path, "type")
    return Fault(path, *_sentence(kind, path, context, data))


def _sentence(kind: str, path: YamlPath, context: Mapping[str, Any], data: Any) -> tuple[str, str]:
    key = str(path[-1]) if path else ""
    value = _at(path, data)
    match kind:
        case "missing":
            return "is missing", _MISSING.get(key, "write it")
        case "extra_forbidden":
            return "is not a key that belongs here", _right_key(path, data)
        case _ if value is None:
            return "is empty", _EMPTY.get(key, "write its value, or leave the key out")
        case "value_error":  # raised by our own parsers, whose sentences do not repeat the input
            return "does not fit", str(context["error"])
        case "union_tag_invalid":
            return "is none of the types of providers", f"write one of {context['expected_tags']}"
        case "literal_error":
            return (
                "is none of the words that fit",
                f"write {_as_yaml(context['expected'])}{_OR_ELSE.get(key, '')}",
            )
        case "string_type" if isinstance(value, list):
            return "must be one text, and is a list", "write one, without brackets and dashes"
        case "string_pattern_mismatch":
            return "does not fit", _FORMS.get(str(context["pattern"]), "see docs/configuration.md")
        case _ if kind in _BOUNDS:
            what, instead = _BOUNDS[kind]
            return what, instead.format_map(context)
    return _OF_KEYS.get((kind, key)) or _SENTENCES.get(
        kind, ("does not fit", "see docs/configuration.md for what does")
    )


def _right_key(path: YamlPath, data: Any) -> str:
    *parent, key = path
    if key in known_keys(tuple(parent)):
        return "remove it: other types of providers have it, and this one does not"
    return did_you_mean(str(key), known_keys(tuple(parent), data))


def _as_yaml(words: str) -> str:
    """The words that fit, as pydantic lists them; a boolean alone it writes as Python does."""
    return words.lower() if words in {"True", "False"} else words


def _path(loc: YamlPath, data: Any, kind: str) -> YamlPath:
    """`loc` without pydantic's own marks (tags of unions, `[key]`): what is not in the data is none of its paths."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        inside = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if inside:
            data = data[part]
            path.append(part)
        elif kind == "missing" and index == len(loc) - 1:
            path.append(part)
    return tuple(path)


def _at(path: YamlPath, data: Any) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
