"""How long a session lives, how long it may be remembered, and where its cookie goes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from gateway.settings.section import DOMAIN, WORD, Section
from gateway.settings.units import Duration, parse_duration


class Grace(Section):
    """Answer from memory for a while."""

    grace: Duration = Field(
        description="How old a memory may be that answers a GET or HEAD while the store does not; at most 30s."
    )


def _form(value: Any) -> str | None:
    if isinstance(value, str):
        return "<word>"
    return "<grace>" if isinstance(value, (Mapping, Grace)) else None


OnStoreFailure = Annotated[
    Annotated[Literal["closed"], Tag("<word>")] | Annotated[Grace, Tag("<grace>")],
    Discriminator(_form, custom_error_type="outage_form", custom_error_message="neither closed nor grace"),
]


class Sessions(Section):
    """How long a session lives, and where its cookie goes."""

    idle: Duration = Field(
        default=parse_duration("3d"), description="A session that is not used for this long ends."
    )
    absolute: Duration = Field(
        default=parse_duration("30d"), description="A session ends after this long, used or not."
    )
    outage_grace: Duration = Field(
        default=parse_duration("15m"),
        description="How long past the end of its token a session outlives a failing provider.",
    )
    refusals_before_logout: int = Field(
        default=1,
        ge=1,
        le=10,
        description="How often a directory has to refuse a kept password, a minute apart, before its sessions end.",
    )
    cache_ttl: Duration = Field(
        default=parse_duration("5s"),
        description="How long a check may be answered from memory, where no notice comes before; 0s to ask the store "
        "each time, at most 30s.",
    )
    on_store_failure: OnStoreFailure = Field(
        default="closed",
        description="closed: a check that needs the store is a 503. `grace: 30s`: a GET or HEAD is answered from "
        "memory for so long.",
    )
    cookie_name: Annotated[str, StringConstraints(pattern=WORD, max_length=30)] = Field(
        default="gw", description="Without prefix: __Host- or __Secure- is put in front where it applies."
    )
    cookie_domain: Annotated[str, StringConstraints(pattern=DOMAIN, max_length=253)] | None = Field(
        default=None, description="The parent domain of all hosts, where they differ from public_url's host."
    )

    @property
    def grace(self) -> float:
        """Seconds for which a memory may stand in for the store; 0 for `closed`."""
        return self.on_store_failure.grace if isinstance(self.on_store_failure, Grace) else 0.0
