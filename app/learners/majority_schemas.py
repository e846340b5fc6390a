"""A learner's coming of age on the wire."""

from datetime import date
from typing import Annotated

from pydantic import MISSING, AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.core.schemas import BlockedAction, Output, Patch


def plausible(value: date) -> date:
    """Refuses a day that is a slip of the pen."""
    if not 1900 <= value.year <= 2200:
        raise PydanticCustomError("implausible_date", "Must lie between the years 1900 and 2200.")
    return value


PlausibleDate = Annotated[date, AfterValidator(plausible)]


class MajorityOut(Output):
    """When a learner's rights over the record become the learner's own, and whether guardians keep theirs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "birth_on": "2008-02-29",
                    "college_entry_on": None,
                    "is_dependent": False,
                    "majority_on": "2026-03-01",
                    "is_of_age": True,
                    "version": 3,
                    "available_actions": ["edit"],
                    "blocked_actions": [],
                }
            ]
        }
    )

    birth_on: date | None
    college_entry_on: date | None = Field(description="Entering college brings the rights before the 18th birthday.")
    is_dependent: bool = Field(description="A dependent for taxes: guardians keep their rights beyond majority.")
    majority_on: date | None = Field(
        description="The first day of majority: the 18th birthday (of 29 February: 1 March), or an earlier college "
        "entry; null while neither is known, and guardians then keep their rights."
    )
    is_of_age: bool = Field(description="Whether that day has come, where the school is.")
    version: int = Field(description="The learner's.")
    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class MajorityPatch(Patch):
    """Guardians' rights come and go with these at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"birth_on": "2008-02-29"}]})

    birth_on: PlausibleDate | None | MISSING = Field(MISSING, description="In the past.")
    college_entry_on: PlausibleDate | None | MISSING = Field(MISSING, description="After the birth; may be to come.")
    is_dependent: bool | MISSING = MISSING
