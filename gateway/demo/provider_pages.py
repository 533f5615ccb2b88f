"""What the demo identity provider shows."""

from html import escape

from starlette.responses import Response

from gateway.demo.authorization import Request
from gateway.demo.look import SHIELD, page
from gateway.demo.people import PEOPLE, Person

NO_STORE = {"cache-control": "no-store"}
UNKNOWN = "<p>This address was not made by an application that this provider knows.</p>"


def said(heading: str, body: str, *, status: int = 200, form_action: str = "") -> Response:
    """A page. `body` is markup; `form_action` is the origin that the answer of its form leads to."""
    html = page(
        title=heading,
        brand="Demo identity provider",
        mark=SHIELD,
        sheet="/look.css",
        body=f"<h1>{escape(heading)}</h1>\n{body}",
    )
    # Browsers hold the redirect after a form against form-action too.
    policy = f"default-src 'none'; style-src 'self'; img-src data:; form-action 'self' {form_action}; frame-ancestors 'none'"
    headers = NO_STORE | {"content-security-policy": policy, "referrer-policy": "no-referrer"}
    return Response(html, status, headers, "text/html; charset=utf-8")


def chooser(asked: Request, known: Person | None) -> str:
    """Whoever was here before stands first."""
    kept = "".join(
        [f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in asked.fields.items()]
    )
    people = sorted(PEOPLE, key=lambda person: person != known)
    items = "".join([f"<li>{_button(person, known=person == known)}</li>" for person in people])
    return (
        "<p>There are no passwords here: click on one of the two.</p>"
        f'<form method="post" action="/authorize">{kept}<ul class="choices">{items}</ul></form>'
    )


def _button(person: Person, *, known: bool) -> str:
    title = f"Continue as {person.name}" if known else person.name
    groups = "group" if len(person.groups) == 1 else "groups"
    return (
        f'<button class="person" name="person" value="{escape(person.subject)}">'
        f'<span class="face{"" if known else " other"}" aria-hidden="true">{escape(person.initials)}</span>'
        f"<span><b>{escape(title)}</b><small>{groups} {escape(', '.join(person.groups))}<br>{escape(person.about)}</small></span>"
        "</button>"
    )
