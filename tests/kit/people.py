"""People, their grants, and requests that carry their cookies, for the tests of sessions."""

from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.sessions.session import Grant

ISSUERS = {"corp": "https://corp.example.com", "partner": "https://partner.example.com"}


def person(subject="7", provider="corp", **changed):
    """Someone who signed in at `provider`."""
    known = {
        "provider": provider,
        "issuer": ISSUERS.get(provider, f"https://{provider}.example.com"),
        "subject": subject,
        "user": f"user-{subject}",
        "authenticated_at": 1_800_000_000,
        "email": f"user-{subject}@example.com",
        "email_verified": True,
        "groups": ("staff", "a,b"),
    }
    return Identity(**known | changed)


def tokens(provider="corp", **changed):
    """Tokens of a provider, to be refreshed after an hour."""
    known = {
        "provider": provider,
        "access_token": f"{provider}-access",
        "refresh_token": f"{provider}-refresh",
        "id_token": f"{provider}-id",
        "begun": 1_800_000_000,
        "expires": 1_800_003_600,
    }
    return Grant(**known | changed)


def asking(*lines, path=b"/"):
    """A request head with these `Cookie` lines (text in latin-1, or bytes)."""
    raw = [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    headers = [(b"host", b"app.example.com"), *[(b"cookie", line) for line in raw], (b"accept", b"*/*")]
    return Head("GET", path, tuple(headers), "127.0.0.1")
