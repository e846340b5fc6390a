"""Ids of the demo district: version 7 UUIDs in form, yet the same for the same seed, so that every run agrees."""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from uuid import UUID

_EPOCH_MS = 1_754_006_400_000  # 1 August 2025, where the time part of every id lies


class Kind(IntEnum):
    """What an id names; part of the id, so that two kinds never meet."""

    TENANT = 1
    ORG = 2
    STAFF = 3
    LEARNER = 4
    GUARDIAN = 5
    CLASS = 6
    PLAN = 7
    GOAL = 8
    ACTION = 9
    MILESTONE = 10
    PROGRESS = 11
    ROLE = 12
    ENROLLMENT = 13
    CASELOAD = 14
    GUARDIANSHIP = 15
    RESTRICTION = 16
    EXTERNAL = 17
    EVENT = 18
    GOAL_TEACHER = 19
    GOAL_COMPETENCY = 20
    ACCOUNT = 21
    SERVICE_CLIENT = 22


@dataclass(frozen=True)
class Ids:
    """Ids of one tenant. Numbers that follow each other give ids that follow each other."""

    time: str
    """The first 48 bits, as an id's text begins."""
    world: str
    """What tells seeds and tenants apart: the fourth group of an id's text and two digits of the fifth."""

    @classmethod
    def of(cls, seed: int, tenant: str) -> "Ids":
        digest = sha256(f"{seed}/{tenant}".encode()).hexdigest()
        time = f"{_EPOCH_MS + seed % 1_000_000:012x}"
        return cls(f"{time[:8]}-{time[8:]}", f"8{digest[:3]}-{digest[3:5]}")

    def __call__(self, kind: Kind, number: int) -> UUID:
        return UUID(f"{self.time}-7{kind:03x}-{self.world}{number:010x}")
