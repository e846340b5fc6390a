"""What the examples of the schemas have in common."""

from typing import Any

from pydantic import ConfigDict

ID = "0198c0de-0000-7000-8000-000000000001"
OTHER_ID = "0198c0de-0000-7000-8000-000000000002"
AT = "2026-09-01T08:30:00.000000Z"


def example(value: dict[str, Any]) -> ConfigDict:
    """The model configuration that shows this as the schema's example."""
    return ConfigDict(json_schema_extra={"examples": [value]})
