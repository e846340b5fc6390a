"""Everybody's way to a learner's record, as rows: who, the relation word, on what, from when until when, by which row.

The same facts that guard the data, looked at from the learner's side. They explain access and never give any.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, get_args

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    table,
    true,
    union_all,
    values,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.core.access import ID, TENANT, TODAY, access_fact, blanket_relations, in_force
from app.core.rules import AUTHORED, BY_SECTION, WORDS, Level, Policy, Relation, Section, plain
from app.db.base import Sql
from app.identity.models import ServiceClient
from app.identity.schemas.clients import Scope
from app.learners.models import Learner
from app.plans.models import Goal, GoalTeacher
from app.roster.models import Delegation, RoleAssignment
from app.sharing.models import BreakGlass, Consent, ShareLink
from app.sharing.schemas.access import RECORD

_barred = table(
    "barred",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("learner_id", Uuid()),
    column("sections", ARRAY(Text())),
)
WHO = ("person_id", "client_id", "share_link_id")
COLUMNS = (*WHO, "plan_id", "goal_id", "from_on", "until_on", "until_at", "source", "source_id", "delegation_id")


def facts(person_id: Sql | None = None) -> CTE:
    """The facts about the learner of the request, of any time; of one person, if one is named.

    Grants and break-glass have a row for each section. Teachers named on goals are in it while they teach.
    """
    related = _related(person_id)
    branches = [select(related), _offices(person_id), _named_teachers(related)]
    if person_id is None:
        branches += [_services(), _share_links()]
    return union_all(*branches).cte("fact")


def _fact(word: Sql, source: Sql, source_id: Sql, **given: Sql) -> list[ColumnElement[Any]]:
    """The columns of a fact; what is not given is null."""
    types: dict[str, Any] = {"from_on": Date(), "until_on": Date(), "until_at": DateTime(timezone=True)}
    known = {**given, "source": source, "source_id": source_id}
    rest: list[ColumnElement[Any]] = [
        known.get(name, cast(null(), types.get(name, Uuid()))).label(name) for name in COLUMNS
    ]
    return [word.label("word"), *rest]


def _related(person_id: Sql | None) -> CTE:
    """Relations to this very learner. What ends with the hour has the dates of the roles that it rests on."""
    fact = access_fact.c
    until_at = (
        select(BreakGlass.expires_at)
        .where(fact.source == _text("break_glass"), BreakGlass.tenant_id == TENANT, BreakGlass.id == fact.source_id)
        .scalar_subquery()
    )
    which = (fact.person_id, fact.relation, fact.plan_id, fact.item_id, fact.source, fact.source_id, fact.delegation_id)
    found = select(
        *_fact(
            fact.relation,
            fact.source,
            fact.source_id,
            person_id=fact.person_id,
            plan_id=fact.plan_id,
            goal_id=fact.item_id,
            from_on=_first(fact.from_on),
            until_on=_last(fact.until_on),
            until_at=until_at,
            delegation_id=fact.delegation_id,
        )
    ).where(fact.tenant_id == TENANT, fact.learner_id == ID)
    if person_id is not None:
        found = found.where(fact.person_id == person_id)
    return found.group_by(*which).cte("related")


def _offices(person_id: Sql | None) -> Select[Any]:
    """Administrators of the learner's school and of the district."""
    role = RoleAssignment
    at_school = and_(role.role == _text("school_admin"), role.org_id == Learner.school_id)
    found = (
        select(
            *_fact(
                role.role,
                _text("role_assignment"),
                role.id,
                person_id=role.person_id,
                from_on=role.from_on,
                until_on=role.until_on,
            )
        )
        .join(Learner, Learner.tenant_id == role.tenant_id)
        .where(
            Learner.tenant_id == TENANT,
            Learner.id == ID,
            role.role.in_([_text("school_admin"), _text("district_admin")]),  # as the index has it
            or_(role.role == _text("district_admin"), at_school),
        )
    )
    return found if person_id is None else found.where(role.person_id == person_id)


def _named_teachers(related: CTE) -> Select[Any]:
    """Teachers of the learner, substitutes too, who are named on a goal or stand in for who is."""
    nobody, no_day = cast(null(), Uuid()), cast(null(), Date())
    standing_in = select(Delegation.delegate_id, Delegation.id, Delegation.from_on, Delegation.until_on).where(
        Delegation.tenant_id == TENANT,
        Delegation.delegator_id == GoalTeacher.person_id,
    )
    herself = select(
        GoalTeacher.person_id.label("person_id"),
        nobody.label("delegation_id"),
        no_day.label("from_on"),
        no_day.label("until_on"),
    )
    named = union_all(herself.correlate(GoalTeacher), standing_in.correlate(GoalTeacher)).lateral("named")
    found = (
        select(
            *_fact(
                _text("named_teacher"),
                _text("goal_teacher"),
                GoalTeacher.id,
                person_id=named.c.person_id,
                plan_id=Goal.plan_id,
                goal_id=Goal.id,
                from_on=func.greatest(named.c.from_on, _first(related.c.from_on), type_=Date()),
                until_on=func.least(named.c.until_on, _last(related.c.until_on), type_=Date()),
                delegation_id=named.c.delegation_id,
            )
        )
        .select_from(Goal)
        .join(GoalTeacher, and_(GoalTeacher.tenant_id == Goal.tenant_id, GoalTeacher.goal_id == Goal.id))
        .join(named, true())
        .join(related, related.c.person_id == named.c.person_id)
        .where(
            Goal.tenant_id == TENANT,
            Goal.learner_id == ID,
            related.c.word == _text("teacher"),
            in_force(related.c.from_on, related.c.until_on),
        )
    )
    return found.group_by(
        GoalTeacher.id,
        Goal.plan_id,
        Goal.id,
        named.c.person_id,
        named.c.delegation_id,
        named.c.from_on,
        named.c.until_on,
    )


def _services() -> Select[Any]:
    """Programs of the tenant, by what their scopes make them."""
    by_scope = [(scope, relation) for scope in get_args(Scope) for relation in blanket_relations((), [scope])]
    given = values(column("scope", Text()), column("relation", Text()), name="given", literal_binds=True).data(by_scope)
    return (
        select(*_fact(given.c.relation, _text("service_client"), ServiceClient.id, client_id=ServiceClient.id))
        .distinct()
        .join(given, given.c.scope == func.any(ServiceClient.scopes))
        .where(ServiceClient.tenant_id == TENANT, not_(ServiceClient.is_disabled))
    )


def _share_links() -> Select[Any]:
    """Links that can be opened: they show what a grant to read would."""
    section = func.unnest(ShareLink.sections).column_valued("section")
    word = func.concat(_text("grantee:"), section, _text(":read"), type_=Text())
    return (
        select(
            *_fact(
                word,
                _text("share_link"),
                ShareLink.id,
                share_link_id=ShareLink.id,
                plan_id=ShareLink.plan_id,
                from_on=Consent.signed_on,
                until_on=Consent.until_on,
                until_at=ShareLink.expires_at,
            )
        )
        .outerjoin(
            Consent,
            and_(
                Consent.tenant_id == ShareLink.tenant_id,
                Consent.id == ShareLink.consent_id,
                Consent.withdrawn_at.is_(None),
            ),
        )
        .where(
            ShareLink.tenant_id == TENANT,
            ShareLink.learner_id == ID,
            ShareLink.status == _text("active"),
            ShareLink.expires_at > func.now(),
            or_(ShareLink.consent_id.is_(None), Consent.id.is_not(None)),
        )
    )


def reached(
    fact: CTE,
    policy: Policy,
    *conditions: ColumnElement[bool],
    opens: Callable[[Any], ColumnElement[bool]] = lambda _row: true(),
) -> Any:
    """Facts with the sections that they open under the tenant's rules: one row for each (who, fact).

    Sections that a restriction hides from the person are apart; a fact that opens no other is left out. `opens` says of
    which sections there must be one (given `word` and `section`).
    """
    reach = _reach(policy)
    bars = select(_barred).where(_barred.c.tenant_id == TENANT, _barred.c.learner_id == ID).cte("bar")
    is_hidden = exists().where(
        bars.c.person_id == fact.c.person_id,
        or_(bars.c.sections.is_(None), reach.c.section == func.any(bars.c.sections)),
    )
    each = (
        select(*(fact.c[name] for name in COLUMNS), reach, is_hidden.correlate(fact, reach).label("is_hidden"))
        .join(reach, reach.c.word == fact.c.word)
        .where(*conditions)
        .subquery("each")
    )
    level = func.json_build_object(_text("section"), each.c.section, _text("level"), each.c.level)
    is_link = each.c.share_link_id.is_not(None)
    return (
        select(
            *(each.c[name] for name in COLUMNS),
            case((is_link, _text("share_link")), else_=each.c.relation).label("relation"),
            case((is_link, literal_column(str(len(Relation)))), else_=each.c.rank).label("rank"),
            func.json_agg(aggregate_order_by(level, each.c.position)).filter(not_(each.c.is_hidden)).label("sections"),
            func.array_agg(aggregate_order_by(each.c.section, each.c.position), type_=ARRAY(Text()))
            .filter(each.c.is_hidden)
            .label("hidden_sections"),
        )
        .group_by(*(each.c[name] for name in COLUMNS), each.c.relation, each.c.rank)
        .having(func.bool_or(and_(not_(each.c.is_hidden), opens(each.c))))
        .subquery("reached")
    )


@lru_cache(maxsize=512)
def _reach(policy: Policy) -> Any:
    """What each word opens under the rules, as constants. The values are our own words, never input."""
    ranks, positions = list(Relation), list(RECORD)
    rows = [
        (
            word,
            ranks.index(plain(word)),
            plain(word).value,
            positions.index(section),
            section.value,
            _level(word, section, at),
        )
        for word in WORDS
        for section, at in policy.reach(word).items()
        if section in RECORD
    ]
    columns = (
        column("word", Text()),
        column("rank", Integer()),
        column("relation", Text()),
        column("position", Integer()),
        column("section", Text()),
        column("level", Text()),
    )
    return values(*columns, name="reach", literal_binds=True).data(rows)


def _level(word: str, section: Section, level: Level) -> str:
    is_own = section in AUTHORED and plain(word) not in BY_SECTION
    return "own" if is_own else level.name.lower()


def is_current(row: Any) -> ColumnElement[bool]:
    return in_force(row.from_on, row.until_on)


def is_not_over(row: Any) -> ColumnElement[bool]:
    """In force, or to come: a fact whose end lies before its beginning never holds."""
    ends_later = and_(row.until_on > TODAY, func.coalesce(row.from_on < row.until_on, true()))
    return or_(row.until_on.is_(None), ends_later)


def _first(day: Sql) -> ColumnElement[Any]:
    """The earliest of a group's first days; null has no beginning."""
    return case((func.bool_or(day.is_(None)), null()), else_=func.min(day, type_=Date()))


def _last(day: Sql) -> ColumnElement[Any]:
    """The latest of a group's last days; null has no end."""
    return case((func.bool_or(day.is_(None)), null()), else_=func.max(day, type_=Date()))


def _text(word: str) -> ColumnElement[str]:
    """A text constant of our own words."""
    return literal_column(f"'{word}'", Text())
