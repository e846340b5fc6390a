"""Base classes and types of everything that goes over the wire."""

import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    MISSING,
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from app.core.errors import validation_problem

MAX_INTEGER = 2**63 - 1
PLAIN_INTEGER = re.compile(r"-?[0-9]{1,19}")
PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,4})?")
MAX_QUANTITY = Decimal("9999999999.9999")
UNSAFE_CATEGORIES = {"Cc", "Cs"}
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
ALLOWED_CONTROLS = frozenset("\n\t")


def clean_text(value: str) -> str:
    """NFC; refuses control codes, overrides of writing direction, and text with nothing to see in it."""
    for character in value:
        if character in BIDI_CONTROLS or (
            unicodedata.category(character) in UNSAFE_CATEGORIES and character not in ALLOWED_CONTROLS
        ):
            raise PydanticCustomError("character_refused", "Contains a control or direction-override character.")
    if all(unicodedata.category(character)[0] in "ZC" for character in value):
        raise PydanticCustomError("blank", "Must contain something visible.")
    return unicodedata.normalize("NFC", value).strip()


def single_line(value: str) -> str:
    """Refuses line breaks and tabs."""
    if any(character in ALLOWED_CONTROLS for character in value):
        raise PydanticCustomError("line_break_refused", "Must be a single line.")
    return value


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(single_line), AfterValidator(clean_text)]
Text = Annotated[str, Field(min_length=1, max_length=5000), AfterValidator(clean_text)]


def plain_integer(value: Any) -> Any:
    """Of text (in queries) only digits are an integer, not `3.0`, ` 3` or `1_000`."""
    if isinstance(value, str) and not PLAIN_INTEGER.fullmatch(value):
        raise PydanticCustomError("int_parsing", "Must be a whole number, in digits.")
    return value


def plain_decimal(value: Any) -> Decimal:
    """Of text only digits and a point are a decimal; a number with a point may have lost digits before it got here."""
    if type(value) is int or (isinstance(value, str) and PLAIN_DECIMAL.fullmatch(value)):
        return Decimal(value)
    raise PydanticCustomError("decimal_parsing", 'Must be a whole number, or a decimal as text, e.g. "72.5".')


Integer = Annotated[int, Field(ge=-MAX_INTEGER - 1, le=MAX_INTEGER), BeforeValidator(plain_integer)]


def in_utc(value: datetime) -> datetime:
    """The same instant in UTC; refuses what the calendar does not reach there."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "Must lie between the years 1 and 9999 in UTC.") from None


def plain_instant(value: Any) -> Any:
    """Text as an instant, in a query as in a body; only a date with a time is one, not a number of seconds."""
    if not isinstance(value, str):
        return value
    if "-" not in value[1:]:
        raise PydanticCustomError("datetime_parsing", "Must be an instant, e.g. 2026-09-01T08:30:00Z.")
    try:
        return _INSTANT.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PydanticCustomError(first["type"], first["msg"]) from None


_INSTANT = TypeAdapter(AwareDatetime)


UtcInstant = Annotated[AwareDatetime, BeforeValidator(plain_instant), AfterValidator(in_utc)]
Quantity = Annotated[
    Decimal,
    Field(max_digits=14, decimal_places=4, ge=-MAX_QUANTITY, le=MAX_QUANTITY, allow_inf_nan=False),
    BeforeValidator(plain_decimal),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{PLAIN_DECIMAL.pattern}$"},
                {"type": "integer", "minimum": -9_999_999_999, "maximum": 9_999_999_999},
            ],
            "description": "A decimal number, best as a string: no digit is lost on the way.",
            "examples": ["72.5"],
        }
    ),
]


class Output(BaseModel):
    """A reply. Fields have no defaults, so that generated client types are exact; what may be absent is `MISSING`."""

    model_config = ConfigDict(extra="forbid")


class Wire:
    """A request body that was read strictly and waits for its schema: see `app.core.strict_json`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class InputPart(BaseModel):
    """An object inside a request body."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Input(InputPart):
    """A request body: unknown fields and coerced types are refused."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """JSON is validated as it is; what the framework hands over as an object is the unread text of a body."""
        schema = handler(source)
        from_wire = core_schema.no_info_wrap_validator_function(cls._from_wire, schema)
        return core_schema.json_or_python_schema(json_schema=schema, python_schema=from_wire)

    @classmethod
    def _from_wire(cls, value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Self:
        if not isinstance(value, Wire):
            return validate(value)  # type: ignore[no-any-return]
        try:
            return cls.model_validate_json(value.data, strict=True)
        except ValidationError as error:
            raise validation_problem(error.errors(include_url=False, include_input=False), "body") from None


class Patch(Input):
    """A merge patch (RFC 7396): a field that is absent stays as it is, null clears it where null is allowed."""

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class BlockedAction(Output):
    """Something the caller cannot do now, and what is missing for it."""

    action: str
    code: str
    detail: str


__all__ = [
    "MISSING",
    "BlockedAction",
    "Input",
    "InputPart",
    "Integer",
    "Name",
    "Output",
    "Patch",
    "Quantity",
    "Text",
    "UtcInstant",
    "Wire",
]
