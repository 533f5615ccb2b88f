"""What every part of the configuration has in common: a frozen mapping, and a few forms of text."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints


class Section(BaseModel):
    """A mapping of the file: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)


# What each form of text is called in a message stands in `settings.sentences`, by these patterns.
WORD = r"^[a-z][a-z0-9-]*$"
HEADER_NAME = r"^[A-Za-z][A-Za-z0-9-]*$"
ISSUER = r"^https?://[^\s?#]+$"
DOMAIN = r"^[a-z0-9-]+(\.[a-z0-9-]+)*$"
HOST_PATTERN = r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$"
DIRECTORY_ID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
ENTRA_TENANT = r"^(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"

Word = Annotated[str, StringConstraints(pattern=WORD, max_length=40)]
HeaderName = Annotated[str, StringConstraints(pattern=HEADER_NAME, max_length=64)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]
