"""The tenant's sharing rules on the wire: how far each relation reaches into each section."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from app.core.rules import FIXED, RULES, Level, Relation, Section, floor
from app.core.schemas import BlockedAction, InputPart, Output, Patch

LevelName = Literal["none", "read", "comment", "propose", "write"]

RULE_EXAMPLE: dict[str, Any] = {
    "section": "plan",
    "relation": "teacher",
    "default": "comment",
    "level": "read",
    "floor": "none",
    "may_change": True,
}


def _changeable_section(section: Section) -> Section:
    if section in FIXED:
        raise PydanticCustomError("fixed", "The rules of this section are the same for all tenants.")
    return section


def _known_cell(relation: Relation, given: ValidationInfo) -> Relation:
    section = given.data.get("section")
    if section and relation not in RULES[section]:
        raise PydanticCustomError("no_such_rule", "This relation never reaches into this section.")
    return relation


def _within_limits(name: LevelName, given: ValidationInfo) -> LevelName:
    """A tenant only tightens, and never beyond the law."""
    section, relation = given.data.get("section"), given.data.get("relation")
    if section is None or relation is None:
        return name
    level, lowest, highest = Level[name.upper()], floor(section, relation), RULES[section][relation]
    if not lowest <= level <= highest:
        limits = {"floor": lowest.name.lower(), "default": highest.name.lower()}
        raise PydanticCustomError("out_of_limits", "Must be from {floor} to {default}.", limits)
    return name


class SharingRuleIn(InputPart):
    """A rule to change, named by section and relation. The default level takes the tenant's own rule away."""

    section: Annotated[Section, AfterValidator(_changeable_section)]
    relation: Annotated[Relation, AfterValidator(_known_cell)]
    level: Annotated[LevelName, AfterValidator(_within_limits)]


def _each_once(rules: list[SharingRuleIn]) -> list[SharingRuleIn]:
    if len({(rule.section, rule.relation) for rule in rules}) < len(rules):
        raise PydanticCustomError("duplicate", "A section and relation may be named once.")
    return rules


class SharingRulesPatch(Patch):
    """The rules that are named change; all others stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rules": [{"section": "plan", "relation": "teacher", "level": "read"}]}]}
    )

    rules: Annotated[list[SharingRuleIn], Field(min_length=1, max_length=500), AfterValidator(_each_once)]


class SharingRuleOut(Output):
    """How far one relation reaches into one section."""

    section: Section
    relation: Relation
    default: LevelName = Field(description="The default, which a tenant may lower and never raise.")
    level: LevelName = Field(description="What holds in this tenant.")
    floor: LevelName = Field(description="The least that the tenant must leave: what the law gives, or all.")
    may_change: bool = Field(description="Whether a tenant may choose at all. Whether you may is in the actions.")


class SharingRulesOut(Output):
    """Every relation that reaches into a section by default, and what this tenant made of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rules": [RULE_EXAMPLE], "version": 1, "available_actions": ["edit"], "blocked_actions": []}]
        }
    )

    rules: list[SharingRuleOut]
    version: int = Field(description="0 while the tenant has changed nothing.")
    available_actions: list[str]
    blocked_actions: list[BlockedAction]
