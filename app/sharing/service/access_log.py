"""Who has looked at a learner's record."""

from uuid import UUID

from starlette.responses import Response

from app.core.reads import Read
from app.sharing.schemas.access_log import LookQuery
from app.sharing.views.access_log import ACCESS_LOG

FILTERS = ("viewer_person_id", "since", "until", "is_list")


async def list_looks(read: Read, learner_id: UUID, query: LookQuery) -> Response:
    """The page, with what this process has shown until now; what others have shows within a second."""
    await read.runtime.looks.write_of(read.claims.tenant_id)
    filters = {"learner_id": learner_id, **{name: getattr(query, name) for name in FILTERS}}
    return await ACCESS_LOG.reply(read, query, sort=query.sort, filters=filters)
