"""Routers of sharing."""

from fastapi import APIRouter

from app.sharing.router import (
    access,
    access_log,
    break_glass,
    candidates,
    caseloads,
    consents,
    delegations,
    disclosures,
    grants,
    guardianships,
    links,
    restrictions,
    sharing_rules,
    team,
)

ROUTERS: tuple[APIRouter, ...] = (
    links.public_router,
    links.router,
    disclosures.router,
    access_log.router,
    break_glass.router,
    access.router,
    sharing_rules.router,
    grants.router,
    candidates.router,
    team.router,
    caseloads.router,
    consents.router,
    delegations.router,
    guardianships.router,
    restrictions.router,
)
