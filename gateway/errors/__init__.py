"""Every exception the gateway raises on purpose, in one tree.

GatewayError
├── SettingsFault             gateway.yaml, its environment or its files are wrong (all faults at once)
├── KeyFault                  the key file cannot be read, written or understood
├── DemoFault                 a part of `gateway demo` did not start; the message holds the last lines that it wrote
├── Refused                   a request that has no single meaning, or no right to ask
│   ├── Malformed             a header, a target or a host with two readings, or none
│   ├── UntrustedPeer         forwarded headers from somebody who may not send them
│   ├── UnknownHost           a host that gateway.yaml does not list
│   └── CrossSite             a form that was not sent from a page of ours
├── BadCredential             a credential that is ours and is not good: it never falls through to a weaker one
│   └── TokenReused           it was used before, so two hold it: its session has ended
├── TokenInvalid              a signed token that fails verification; `check` says at what
│   └── UnknownKey            no key of the set fits it: fetching the set anew may help
├── Unsealable                sealed bytes that do not open: forged, truncated, foreign or of a dropped key
├── StoreFault                the store did not answer; never to be read as "no session"
│   └── StoreBusy             it was not asked: too many of our own calls are waiting. Nobody's outage
├── Limited                   too many tries; carries the seconds to wait
├── LoginFault                a login that cannot go on; carries what the person should do
│   ├── AttemptUnknown        no such login attempt: expired, used, or never ours
│   ├── AttemptNotYours       the attempt was begun by another browser
│   ├── LoginLoop             sign-in succeeds, yet the browser keeps coming back without a session
│   ├── NotAllowed            signed in at the provider, and not among those who may sign in here
│   ├── AnotherPerson         who was to sign in again is not who did
│   ├── PasswordRefused       a name and a password that a provider does not take
│   └── LevelNotReached       the provider did not raise the authentication as it was asked to
└── ProviderFault             the identity provider, or what it sent, is at fault
    ├── ProviderUnavailable   no answer, a broken answer, 5xx, 429: transient
    │   └── ProviderBusy      it was not asked: too many of our own questions are waiting
    ├── ProviderRefused       an OAuth error object; `terminal` says whether it is final
    ├── ProviderMisconfigured the provider rejects *us* (invalid_client …): the operator's fault
    └── ProviderLied          a token, a document or a callback that fails verification

Each class has a stable `code` (for logs, metrics and machines). `str(error)` is for the log; `public` is the
sentence that a stranger may read. Neither ever holds a secret, a token or a cookie.

A `reason` is a word of `gateway.reasons`, "" for none. A `trace` holds the ids by which the provider finds the case.
"""

from gateway.errors.login import (
    AnotherPerson,
    AttemptNotYours,
    AttemptUnknown,
    LevelNotReached,
    LoginFault,
    LoginLoop,
    NotAllowed,
    PasswordRefused,
)
from gateway.errors.provider import (
    ProviderBusy,
    ProviderFault,
    ProviderLied,
    ProviderMisconfigured,
    ProviderRefused,
    ProviderUnavailable,
)
from gateway.errors.root import (
    BadCredential,
    CrossSite,
    DemoFault,
    GatewayError,
    KeyFault,
    Limited,
    Malformed,
    Refused,
    SettingsFault,
    StoreBusy,
    StoreFault,
    TokenInvalid,
    TokenReused,
    UnknownHost,
    UnknownKey,
    Unsealable,
    UntrustedPeer,
    WorkerFault,
)

__all__ = [
    "AnotherPerson",
    "AttemptNotYours",
    "AttemptUnknown",
    "BadCredential",
    "CrossSite",
    "DemoFault",
    "GatewayError",
    "KeyFault",
    "LevelNotReached",
    "Limited",
    "LoginFault",
    "LoginLoop",
    "Malformed",
    "NotAllowed",
    "PasswordRefused",
    "ProviderBusy",
    "ProviderFault",
    "ProviderLied",
    "ProviderMisconfigured",
    "ProviderRefused",
    "ProviderUnavailable",
    "Refused",
    "SettingsFault",
    "StoreBusy",
    "StoreFault",
    "TokenInvalid",
    "TokenReused",
    "UnknownHost",
    "UnknownKey",
    "Unsealable",
    "UntrustedPeer",
    "WorkerFault",
]
