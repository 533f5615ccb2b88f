"""Two names of one account in a real Active Directory: what it counts of guesses at both."""

import time

import pytest

from gateway.errors import Limited, PasswordRefused
from gateway.login.passwords import Passwords
from gateway.login.way import Client
from gateway.providers.ldap.provider import Ldap
from gateway.settings.ldap import LdapProvider
from gateway.settings.login import PasswordLimits
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.samba import PASSWORD, REALM, samba

pytestmark = [pytest.mark.live, pytest.mark.anyio]


async def test_the_account_name_and_the_upn_share_the_tries_of_the_account(tmp_path):
    """Guesses by turns: the directory counts as many as of one name, and is not near its own lock."""
    limits = PasswordLimits()
    with samba(tmp_path) as domain:
        domain.policy(
            lockoutThreshold="10", lockoutDuration="-6000000000", lockOutObservationWindow="-6000000000"
        )
        dn = domain.add_person("ulla", userPrincipalName=f"ulla.long.name@{REALM}")
        provider = Ldap(LdapProvider.model_validate(domain.section), "corp", several=False)
        clock = Clock()
        clock.now = time.time()
        passwords = Passwords(
            providers={"corp": provider},
            limits=limits,
            store=MemoryStore(clock),
            admits=lambda _: True,
            clock=clock,
            key=b"k" * 32,
        )

        async def outcome(name, password):
            try:
                await passwords.check("corp", name, "", password, Client("", "192.0.2.0/24"))
            except (PasswordRefused, Limited) as error:
                return error.code
            return "ok"

        names = ("ulla", f"ulla.long.name@{REALM}", f"{REALM}\\ULLA")
        outcomes = [await outcome(names[number % 3], f"guess-{number}") for number in range(15)]
        counted = domain.wrong_passwords(dn)
        clock.advance(limits.comes_back + 1)
        right = await outcome(names[1], PASSWORD)
        await provider.close()

    assert outcomes == ["password_refused"] * limits.for_strangers + ["limited"] * (15 - limits.for_strangers)
    assert counted == limits.for_strangers
    assert right == "ok"
