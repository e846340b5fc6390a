"""Why somebody may or may not do something with a learner's record, on the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.core.rules import RULES, Level, Section
from app.core.schemas import Output
from app.roster.schemas import PersonName
from app.sharing.schemas.access import FACT_EXAMPLE, PERSON_EXAMPLE, RECORD, AccessFact

ACTIONS: dict[str, tuple[Section, Level]] = {
    f"{section.value}:{level.name.lower()}": (section, level)
    for section in RECORD
    for level in Level
    if Level.NONE < level <= max(RULES[section].values())
}
"""What can be asked: a section and how far somebody reaches into it, where anybody ever does."""


def _known(action: str) -> str:
    if action not in ACTIONS:
        raise PydanticCustomError("unknown_action", "Must be a section and a level, as in plan:read.")
    return action


Action = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(ACTIONS), "examples": ["plan:read"]}),
]


class ExplainQuery(BaseModel):
    person_id: UUID = Field(description="Whose access is asked about.")
    action: Action = Field(description="A section of the record, and how far: `plan:read`, `profile:propose`.")
    plan_id: UUID | None = Field(
        None,
        description="Which plan of the learner's. Required for the sections that belong to plans: `plan`, "
        "`reflections`, `private_reflections`, `conference_notes`; not accepted for others.",
    )
    goal_id: UUID | None = Field(
        None, description="A goal of the plan, with section `plan`: grants and teachers may reach single goals."
    )


class MissingFact(Output):
    """What there would have to be."""

    code: Literal[
        "restricted",
        "not_yet",
        "of_age",
        "tightened",
        "author_only",
        "level_too_low",
        "elsewhere",
        "over",
        "no_relation",
    ] = Field(
        description="`restricted`: a restriction of contact hides the section, whatever the person is (only told to "
        "who reads restrictions; to others it is `no_relation`). `not_yet`: a fact that will give it begins later. "
        "`of_age`: the learner has come of age, which ended the guardian's rights. `tightened`: the default rules give "
        "it, this tenant's do not. `author_only`: staff notes are their author's. `level_too_low`: the person's "
        "relations do not reach so far. `elsewhere`: only on another plan or goal. `over`: what gave it has ended "
        "by its dates. "
        "`no_relation`: nothing gives it."
    )
    detail: str


YES_EXAMPLE: dict[str, Any] = {
    "allowed": True,
    "person": PERSON_EXAMPLE,
    "action": "plan:comment",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "goal_id": None,
    "because": [FACT_EXAMPLE],
    "missing": None,
}
NO_EXAMPLE: dict[str, Any] = {
    **YES_EXAMPLE,
    "allowed": False,
    "action": "plan:write",
    "because": [],
    "hidden_by": [],
    "missing": {
        "code": "level_too_low",
        "detail": "By the facts of today the person reaches comment in this section; this needs write.",
    },
}


class AccessExplanation(Output):
    """Yes or no, and by which facts, or what is missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [YES_EXAMPLE, NO_EXAMPLE]})

    allowed: bool
    person: PersonName
    action: str
    plan_id: UUID | None
    goal_id: UUID | None
    because: list[AccessFact] = Field(description="The facts of today each of which gives it; empty if none does.")
    hidden_by: list[Literal["no_contact", "no_records", "sections"]] | MISSING = Field(
        MISSING, description="Kinds of the restrictions that hide the section. Only for who reads restrictions."
    )
    missing: MissingFact | None = Field(description="Null if it is allowed.")
