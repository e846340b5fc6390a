"""Read side of the roster: names of people, and the classes a caller may know of."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Uuid, and_, false, or_, select

from app.core.access import ID, PERSON, SCHOOLS, TENANT, Shape, in_force, learners_through
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Relation, Section
from app.db.base import Sql
from app.db.projection import Many, One, Projection
from app.roster.models import Class, Enrollment, Org, Person
from app.roster.schemas import ClassOut, PersonName

ROSTER_RELATIONS = (
    Relation.LEARNER,
    Relation.GUARDIAN,
    Relation.TEACHER,
    Relation.ADVISOR,
    Relation.COUNSELOR,
    Relation.CASE_MANAGER,
)


def person_name(person: Any = Person) -> Projection:
    """A person's name."""
    return Projection(PersonName, {"id": person.id, "given_name": person.given_name, "family_name": person.family_name})


def named(tenant_id: Sql, person_id: Sql) -> One:
    """The name of the person that a column refers to."""
    person = select().where(Person.tenant_id == tenant_id, Person.id == person_id)
    return One(person_name(), source=person.correlate_except(Person))


def org_name(tenant_id: Sql, org_id: Sql) -> ColumnElement[Any]:
    return select(Org.name).where(Org.tenant_id == tenant_id, Org.id == org_id).scalar_subquery()


def class_visible(entity: Any, shape: Shape) -> ColumnElement[bool]:
    """A class is known to who is in it, to who has a relation by the roster to one of its students, and to
    administrators. A grant or a place on a support team shows no classes."""
    inside: ColumnElement[bool] = entity.tenant_id == TENANT
    if shape.blanket:
        return inside
    ways: list[ColumnElement[bool]] = []
    if shape.schools:
        ways.append(entity.school_id == SCHOOLS.any_())
    if shape.is_related:
        enrolled = select(Enrollment.class_id).where(Enrollment.tenant_id == TENANT)
        current = in_force(Enrollment.from_on, Enrollment.until_on)
        ways.append(entity.id.in_(enrolled.where(Enrollment.person_id == PERSON, current)))
        learning = enrolled.where(Enrollment.role == "student", current)
        ways.append(entity.id.in_(learning.where(Enrollment.person_id.in_(learners_through(shape, ROSTER_RELATIONS)))))
    return and_(inside, or_(*ways)) if ways else false()


def class_exists(class_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the class."""
    return select(Class.id).where(Class.id == class_id, class_visible(Class, shape)).exists()


def class_projection(entity: Any) -> Projection:
    teachers = (
        select()
        .select_from(Enrollment)
        .join(Person, (Person.tenant_id == Enrollment.tenant_id) & (Person.id == Enrollment.person_id))
        .where(
            Enrollment.tenant_id == entity.tenant_id,
            Enrollment.class_id == entity.id,
            Enrollment.role == "teacher",
            in_force(Enrollment.from_on, Enrollment.until_on),
        )
        .correlate(entity)
    )
    return Projection(
        ClassOut,
        {
            "id": entity.id,
            "title": entity.title,
            "class_code": entity.class_code,
            "school_id": entity.school_id,
            "school_name": org_name(entity.tenant_id, entity.school_id),
            "school_year": entity.school_year,
            "teachers": Many(person_name(), teachers, [Person.family_name, Person.given_name, Person.id]),
            "version": entity.version,
            "updated_at": entity.updated_at,
        },
    )


def _class(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    body = class_projection(Class).json()
    return select(Class.version.label("version"), body.label("body")).where(Class.id == ID, class_visible(Class, shape))


CLASS = View(_class, fields=class_projection(Class).columns)

CLASSES = Listing(
    "classes",
    Class,
    visible=class_visible,
    section=Section.LEARNER,
    projection=class_projection,
    sorts={"title": Sort(lambda c: (c.title, c.id)), "-title": Sort(lambda c: (c.title, c.id), is_descending=True)},
    filters={
        "school_id": Filter(lambda c, value, _shape: c.school_id == value, Uuid()),
        "school_year": Filter(lambda c, value, _shape: c.school_year == value, Integer()),
    },
)
