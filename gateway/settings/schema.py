"""The JSON Schema of gateway.yaml, for editors."""

import json
from typing import Any

from pydantic import SecretStr
from pydantic.json_schema import GenerateJsonSchema

from gateway.settings.model import Settings
from gateway.settings.units import Bind, format_duration


class _Schema(GenerateJsonSchema):
    """Shows defaults as they are written in the file."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Bind):
            return str(dft)
        if isinstance(dft, float):  # every float of the model is a duration
            return format_duration(dft)
        if isinstance(dft, SecretStr):  # the default of a secret is in the source, and so is none
            return dft.get_secret_value()
        return super().encode_default(dft)


def json_schema() -> dict[str, Any]:
    """The schema, a plain JSON object; the same for the same version of the gateway."""
    schema = Settings.model_json_schema(schema_generator=_Schema)
    _drop_section_defaults(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gateway.yaml"}


def _drop_section_defaults(schema: dict[str, Any]) -> None:
    """A section's default is that of its keys; said once, at the keys."""
    for prop in schema["properties"].values():
        if isinstance(prop.get("default"), dict):
            del prop["default"]


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
