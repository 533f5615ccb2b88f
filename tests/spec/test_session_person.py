"""What the store calls a person."""

from dataclasses import replace

from gateway.sessions.person import list_names, person_name, person_of
from tests.kit.people import person


def test_one_subject_in_two_tenants_is_two_people():
    """Whoever is disabled in one of them is not disabled in the other, nor listed there."""
    plain = person("7")
    one, other = replace(plain, tenant="t1"), replace(plain, tenant="t2")

    assert len({person_of(plain), person_of(one), person_of(other)}) == 3
    assert set(list_names((one,))).isdisjoint(list_names((other,)))


def test_a_person_is_named_by_what_the_subject_header_says():
    """The operator reads it there, and writes it on the command line."""
    one = replace(person("7"), tenant="t1")

    assert one.key == f"{one.provider}:t1:7"
    assert person_of(one) == person_name(one.issuer, "t1:7")
