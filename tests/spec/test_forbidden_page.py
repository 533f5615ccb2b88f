"""The page of a 403 is rendered once: each answer is the page that would have been rendered for it."""

import re

import pytest

from gateway.forward_auth.contracts.contract import DECISION_ID, forbidden
from gateway.identity.lines import Lines
from gateway.pages.catalogue import Catalogue
from gateway.pages.render import Pages
from gateway.settings.model import Settings
from tests.kit.verify_house import WRITTEN

IDS = [
    "d-1",
    "0123456789abcdef",
    "a_b-C",
    "<script>",
    "a&b",
    '"quoted"',
    "{{ base }}",
    "reference-of-this-answer",
]


@pytest.fixture
def pages():
    settings = Settings.model_validate(WRITTEN)
    return Pages(settings.pages, Catalogue.load(), settings.public_url, ())


@pytest.mark.parametrize("reference", IDS)
def test_a_page_that_is_put_together_is_the_page_that_is_rendered(pages, reference):
    """Escaped as the template escapes; whatever id was there before."""
    rendered = pages._page(403, "forbidden", reference=reference)
    for other in ("first", reference, "d-2", reference):
        answer = pages.forbidden(other)

    assert (answer.status, answer.body) == (rendered.status, rendered.body.replace(b"&#34;", b"&quot;"))
    assert sorted(answer.headers) == sorted(
        [
            line if line[0] != b"content-length" else (line[0], b"%d" % len(answer.body))
            for line in rendered.headers
        ]
    )


def test_the_page_and_its_line_say_the_same_id(pages):
    """On the page, in the header, and in the bytes that are sent."""
    for reference in ("d-1", "d-2"):
        answer = forbidden(pages.forbidden, reference, navigation=True)

        assert set(re.findall(rb"d-[0-9]", answer.body)) == {reference.encode()}
        assert dict(answer.headers)[DECISION_ID] == reference.encode()
        assert answer.wire == Lines.of(answer.headers).wire
