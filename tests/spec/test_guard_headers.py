"""The security headers of pages."""

from gateway.guard.headers import page_headers


def test_a_page_loads_nothing_from_elsewhere_and_is_framed_by_nobody():
    """No script at all; style, images and forms of our own."""
    lines = dict(page_headers(https=True))

    assert lines[b"content-security-policy"] == (
        b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        b"frame-ancestors 'none'; base-uri 'none'"
    )


def test_a_form_may_lead_to_the_origins_that_are_named():
    """Chromium holds form-action against the redirects after a login, too."""
    lines = dict(
        page_headers(https=True, form_targets=["https://app.example.com", "https://*.apps.example.com"])
    )

    assert (
        b"form-action 'self' https://app.example.com https://*.apps.example.com;"
        in lines[b"content-security-policy"]
    )


def test_a_page_shown_on_another_host_takes_its_style_from_our_own():
    """And nothing else: forms still go to where the page stands."""
    policy = dict(page_headers(https=True, own_origin="https://auth.example.com"))[b"content-security-policy"]

    assert b"style-src 'self' https://auth.example.com; img-src 'self' https://auth.example.com;" in policy
    assert b"form-action 'self';" in policy


def test_a_page_is_not_stored_sniffed_framed_or_told_to_others():
    """One line for each, none twice."""
    lines = page_headers(https=True)

    assert len({name for name, _ in lines}) == len(lines)
    assert dict(lines) | {b"content-security-policy": b"", b"permissions-policy": b""} == {
        b"content-security-policy": b"",
        b"permissions-policy": b"",
        b"cache-control": b"no-store",
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"strict-transport-security": b"max-age=31536000",
    }


def test_plain_http_promises_no_https():
    """RFC 6797 section 7.2: no HSTS over an insecure transport."""
    assert b"strict-transport-security" not in dict(page_headers(https=False))
