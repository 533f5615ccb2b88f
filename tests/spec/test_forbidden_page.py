"""The page of a 403 is rendered once: each answer is the page that would have been rendered for it."""

import re

import pytest

from gateway.forward_auth.contracts.contract import DECISION_ID, forbidden
from gateway.identity.lines import Lines
from tests.kit.page_gallery import asking, editions

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


@pytest.mark.parametrize("language", ["en", "zh-TW"])
@pytest.mark.parametrize("reference", IDS)
def test_a_page_that_is_put_together_is_the_page_that_is_rendered(reference, language):
    """Escaped as the template escapes; whatever id was there before."""
    pages = editions().of(asking(language))
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


def test_the_page_and_its_line_say_the_same_id():
    """On the page, in the header, and in the bytes that are sent."""
    pages = editions()
    for reference in ("d-1", "d-2"):
        answer = forbidden(pages.forbidden, reference, asking(), navigation=True)

        assert set(re.findall(rb"d-[0-9]", answer.body)) == {reference.encode()}
        assert dict(answer.headers)[DECISION_ID] == reference.encode()
        assert answer.wire == Lines.of(answer.headers).wire


def test_each_person_reads_the_page_in_their_language():
    """By turns, so that nothing of one answer is left in the next."""
    pages = editions()
    for _ in range(3):
        for wish, language in (("zh-CN", "zh-Hans"), ("de", "en"), ("zh-HK", "zh-Hant")):
            answer = forbidden(pages.forbidden, "d-1", asking(wish), navigation=True)

            assert f'<html lang="{language}">' in answer.body.decode()
            assert dict(answer.headers)[b"content-language"] == language.encode()
            assert dict(answer.headers)[b"content-length"] == b"%d" % len(answer.body)


def test_a_program_is_told_no_without_a_page():
    """And without a look at its language."""

    def page(decision_id, head):
        raise AssertionError("nobody looks at a page")

    assert forbidden(page, "d-1", asking("zh-CN"), navigation=False).status == 403
