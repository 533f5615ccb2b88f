"""A commit that is ready to be written, now or a minute later.

Its fields are sealed, and the key is in the browser's cookie alone: whoever keeps a draft holds no token in the clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.sessions.lease import Lease
from gateway.sessions.schedule import token_times
from gateway.sessions.session import Grants, Session


@dataclass(frozen=True, slots=True)
class Draft:
    """`session` is what the commit comes to: its version is one more than the one that it goes on top of."""

    session: Session
    lease: Lease
    fields: Mapping[str, bytes | None] = field(repr=False)


def token_fields(grants: Grants) -> dict[str, bytes | None]:
    """The clear fields that say when a refresh is due; `None` removes one."""
    token_end, token_begun = token_times(grants.values())
    return {
        "token_end": b"%d" % token_end if token_end else None,
        "token_begun": b"%d" % token_begun if token_begun else None,
    }
