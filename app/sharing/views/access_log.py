"""Read side of the access log, learner by learner: whom else a request showed is not told.

That somebody looked at restrictions tells that there are some: only who reads them is told.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, bindparam, case, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime

from app.core.access import NOBODY, TENANT, Shape
from app.core.looks import Look, LookAtLearner
from app.core.pagination import Filter, Listing, Sort
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import One, Projection
from app.identity.models import ServiceClient
from app.learners.policy import section_visible
from app.roster.views import named
from app.sharing.schemas.access import ServiceName
from app.sharing.schemas.access_log import LookOut

_FIELDS = ("id", "at", "capacities", "is_list", "operation", "request_id")
_LEARNER: ColumnElement[Any] = bindparam("learner_id", type_=Uuid())
_RESTRICTIONS: ColumnElement[str] = literal_column(f"'{Section.RESTRICTIONS}'", Text())


def _look_projection(look: Any, shape: Shape = NOBODY) -> Projection:
    service = Projection(ServiceName, {"id": ServiceClient.id, "name": ServiceClient.name})
    viewer = select().where(ServiceClient.tenant_id == look.tenant_id, ServiceClient.id == look.viewer_client_id)
    return Projection(
        LookOut,
        {
            **{name: getattr(look, name) for name in _FIELDS},
            "sections": case((_sees_restrictions(shape), look.sections), else_=_without_restrictions(look)),
            "viewer_person": named(look.tenant_id, look.viewer_person_id),
            "viewer_service": One(service, source=viewer),
        },
    )


def _looks() -> Select[Any]:
    is_its = (Look.tenant_id == LookAtLearner.tenant_id) & (Look.id == LookAtLearner.look_id)
    return select(Look).join(LookAtLearner, is_its)


def _access_visible(learner_id: Sql, shape: Shape) -> ColumnElement[bool]:
    return section_visible(learner_id, shape, Section.ACCESS)


def _sees_restrictions(shape: Shape) -> ColumnElement[bool]:
    return section_visible(_LEARNER, shape, Section.RESTRICTIONS)


def _without_restrictions(look: Any) -> ColumnElement[Any]:
    return func.array_remove(look.sections, _RESTRICTIONS, type_=ARRAY(Text()))


def _visible(look: Any, shape: Shape) -> ColumnElement[bool]:
    is_at_more = func.cardinality(_without_restrictions(look)) > literal_column("0")
    is_told = or_(is_at_more, _sees_restrictions(shape))
    return (LookAtLearner.tenant_id == TENANT) & _access_visible(LookAtLearner.learner_id, shape) & is_told


def _by_time(_look: Any) -> tuple[Any, ...]:
    return (LookAtLearner.at, LookAtLearner.id)


ACCESS_LOG = Listing(
    "access-log",
    Look,
    source=_looks,
    visible=_visible,
    section=Section.ACCESS,
    learner=lambda _look: _LEARNER,
    projection=_look_projection,
    body=lambda look, shape, include: _look_projection(look, shape).json(include),
    sorts={"at": Sort(_by_time), "-at": Sort(_by_time, is_descending=True)},
    filters={
        "learner_id": Filter(
            lambda _look, value, _shape: LookAtLearner.learner_id == value, Uuid(), must_exist=_access_visible
        ),
        "viewer_person_id": Filter(lambda look, value, _shape: look.viewer_person_id == value, Uuid()),
        "since": Filter(lambda _look, value, _shape: LookAtLearner.at >= value, DateTime(timezone=True)),
        "until": Filter(lambda _look, value, _shape: LookAtLearner.at < value, DateTime(timezone=True)),
        "is_list": Filter(
            lambda look, value, _shape: look.is_list == (value == literal_column("'true'")),
            Text(),
        ),
    },
)
