"""Tightening the tenant's sharing rules."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from starlette.responses import Response

from app.core.errors import forbidden
from app.core.rules import RULES, Level, Policy, Section
from app.core.unit_of_work import Write
from app.db.base import new_id
from app.sharing.models import SharingPolicy
from app.sharing.schemas.sharing_rules import SharingRuleIn, SharingRulesPatch
from app.sharing.views.sharing_rules import SHARING_RULES, capacity


async def change_sharing_rules(write: Write, body: SharingRulesPatch) -> Response:
    """Lower or restore the rules that are named; everybody's next request goes by them."""
    acting_as = capacity(write.principal.blanket)
    if acting_as is None:
        raise forbidden("access:manage")
    settings = await _locked(write)
    write.check_version(settings.version)
    settings.rules = _changed(settings.rules, body.rules)
    if write.session.is_modified(settings):
        # About no learner: seen by who reads the section of every learner.
        await write.record(settings, "edit", section=Section.ACCESS, capacity=acting_as)
        write.principal = replace(write.principal, policy=Policy.of(settings.rules))
    return await write.show(SHARING_RULES)


async def _locked(write: Write) -> SharingPolicy:
    """The tenant's row, locked; made now, at version 0, where nothing was ever changed."""
    tenant_id = write.principal.tenant_id
    fresh = insert(SharingPolicy).values(tenant_id=tenant_id, id=new_id(), version=0, rules={})
    await write.session.execute(fresh.on_conflict_do_nothing(constraint="uq_sharing_policy"))
    found = await write.session.scalars(
        select(SharingPolicy).where(SharingPolicy.tenant_id == tenant_id).with_for_update()
    )
    return found.one()


def _changed(rules: dict[str, Any], changes: Sequence[SharingRuleIn]) -> dict[str, dict[str, str]]:
    """The lowered cells after the changes; what is at its default is not kept."""
    found = {section: dict(cells) for section, cells in rules.items()}
    for change in changes:
        cells = found.setdefault(change.section.value, {})
        if Level[change.level.upper()] == RULES[change.section][change.relation]:
            cells.pop(change.relation.value, None)
        else:
            cells[change.relation.value] = change.level
    return {section: cells for section, cells in found.items() if cells}
