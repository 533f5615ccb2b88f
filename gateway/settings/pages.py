"""The section `pages:`: what people see of whose gateway it is."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.settings.section import Section

COLOUR = r"^(#[0-9A-Fa-f]{6})?$"
LINK = r"^https://[^\s<>\"\\]+$"

Colour = Annotated[str, StringConstraints(pattern=COLOUR)]


class Link(Section):
    """A link at the foot of every page."""

    label: str = Field(min_length=1, max_length=40, description="What the link says.")
    url: Annotated[str, StringConstraints(pattern=LINK, max_length=500)] = Field(
        description="Where it leads; https alone."
    )


class Pages(Section):
    """What pages show."""

    title: str | None = Field(
        default=None, max_length=60, description="The name that pages carry; public_url's host by default."
    )
    language: Literal["en", "zh-Hans", "zh-Hant"] = Field(
        default="en",
        description="The language of pages for browsers that ask for none of ours: en, zh-Hans or zh-Hant.",
    )
    logo: str | None = Field(
        default=None,
        min_length=1,
        description="An SVG or PNG file of at most 100 kB in front of the title; relative to the folder of "
        "gateway.yaml. It is read at start.",
    )
    accent: Colour = Field(default="", description="The colour of buttons, marks and focus, as in #0b6bcb.")
    accent_dark: Colour = Field(
        default="", description="The same for browsers in dark colours; `accent` by default."
    )
    footer: str = Field(default="", max_length=300, description="A sentence at the foot of every page.")
    links: tuple[Link, ...] = Field(
        default=(), max_length=3, description="At most three links at the foot of every page."
    )
