"""Why a login failed, in words of ours.

The vocabulary is fixed: a reason chooses the page that a person reads, and is a label in the log and the metric. What
a provider writes never is: it may be text of a stranger, and there is no end of it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NO_TRACE: Final[Mapping[str, str]] = MappingProxyType({})
"""No ids by which the provider would find the case again."""

REASONS: Final = frozenset(
    {
        "account_disabled",  # the provider has switched off the account
        "account_expired",  # the account was made for a time, which is over
        "account_locked",  # too many wrong passwords: the directory takes none for a while
        "claim_missing",  # a claim that is needed is absent, or has another value
        "client_rejected",  # the provider does not accept our credentials
        "code_spent",  # the authorization code is used up, or too old
        "consent_denied",  # the person, or an administrator, said no
        "interaction_required",  # the provider wants to see the person
        "mfa_required",  # the provider wants a second factor first
        "name_malformed",  # what was typed is no name of an account
        "not_a_member",  # not in the organisation that is demanded
        "not_here",  # the directory lets this account sign in at other machines alone
        "not_now",  # the directory lets this account sign in at other hours alone
        "overage",  # the groups could not be read in full
        "password_change_needed",  # the password has to be changed before the first use
        "password_expired",  # the password is too old
        "permission_missing",  # our application lacks a permission at the provider
        "provider_down",  # no answer, or one that says so
        "redirect_mismatch",  # our callback address is not registered
        "refresh_dead",  # the refresh token is spent, withdrawn or too old
        "scope_missing",  # something that we need was not granted
        "throttled",  # too many requests
        "unverified_email",  # the address is not verified
        "visitor",  # a guest of the tenant
        "wrong_password",  # name and password do not belong together; which of them is wrong is not said
        "wrong_tenant",  # of another tenant than those that may sign in
    }
)
