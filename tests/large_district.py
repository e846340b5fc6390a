"""A tenant of 200,000 learners, made by the database itself in seconds, for tests of how statements are planned."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

LEARNERS = 200_000
SCHOOLS = 100
PER_SCHOOL = LEARNERS // SCHOOLS
TAUGHT = 150
CASELOAD = 372
TENANT_ID = UUID("0194f000-0000-7000-8000-000000000000")


def number_id(kind: int, number: int) -> UUID:
    """The id of the thing of this kind and number: kinds are those of `id_of` below."""
    return UUID(f"0194f000-0000-7{kind:03x}-8000-{number:012x}")


ORG, PERSON, CLASS, PLAN, GOAL = range(1, 6)
TEACHER, COUNSELOR, SCHOOL_ADMIN, DISTRICT_ADMIN, GUARDIAN, MENTOR, PRINCIPAL_OF_TWO = range(LEARNERS + 1, LEARNERS + 8)
FIRST_CROWD_TEACHER = LEARNERS + 100


@dataclass(frozen=True)
class Statements:
    """What fills the district, in order."""

    setup: str = """
        SET session_replication_role = replica;
        CREATE FUNCTION pg_temp.id_of(kind int, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE RETURN
            ('0194f000-0000-7' || lpad(to_hex(kind), 3, '0') || '-8000-' || lpad(to_hex(number), 12, '0'))::uuid;
    """
    rows: tuple[str, ...] = (
        "INSERT INTO tenant (id, slug, name) VALUES ({t}, 'large', 'Large')",
        "INSERT INTO org (tenant_id, id, name, type) VALUES ({t}, pg_temp.id_of(1, 0), 'District', 'district')",
        """INSERT INTO org (tenant_id, id, name, type, parent_id)
           SELECT {t}, pg_temp.id_of(1, n), 'School ' || n, 'school', pg_temp.id_of(1, 0)
           FROM generate_series(1, {schools}) n""",
        # Learners, a few people with a role, and one teacher for each class of 25.
        """INSERT INTO person (tenant_id, id, given_name, family_name)
           SELECT {t}, pg_temp.id_of(2, n), 'Given ' || n % 991, 'Family ' || n % 1009
           FROM generate_series(1, {learners} + 100 + {learners} / 25) n""",
        """INSERT INTO learner (tenant_id, id, given_name, family_name, school_id, grade)
           SELECT {t}, p.id, p.given_name, p.family_name, pg_temp.id_of(1, 1 + (n - 1) / {per_school}),
                  lpad((n % 12)::text, 2, '0')
           FROM generate_series(1, {learners}) n JOIN person p ON p.id = pg_temp.id_of(2, n)""",
        """INSERT INTO role_assignment (tenant_id, id, person_id, org_id, role)
           SELECT {t}, gen_random_uuid(), pg_temp.id_of(2, {learners} + n), pg_temp.id_of(1, org), role
           FROM (VALUES (1, 1, 'teacher'), (2, 1, 'counselor'), (3, 1, 'school_admin'), (4, 0, 'district_admin'),
                        (5, 1, 'guardian'), (6, 1, 'mentor'), (7, 1, 'school_admin'), (7, 2, 'school_admin'))
                AS post (n, org, role)""",
        """INSERT INTO class (tenant_id, id, title, school_id, school_year)
           SELECT {t}, pg_temp.id_of(3, n), 'Class ' || n, pg_temp.id_of(1, 1 + n * 25 / {per_school} % {schools}), 2027
           FROM generate_series(0, {learners} / 25 - 1) n""",
        """INSERT INTO enrollment (tenant_id, id, class_id, person_id, role)
           SELECT {t}, gen_random_uuid(), pg_temp.id_of(3, (n - 1) / 25), pg_temp.id_of(2, n), 'student'
           FROM generate_series(1, {learners}) n""",
        """INSERT INTO enrollment (tenant_id, id, class_id, person_id, role)
           SELECT {t}, gen_random_uuid(), pg_temp.id_of(3, n),
                  pg_temp.id_of(2, CASE WHEN n < 6 THEN {learners} + 1 ELSE {learners} + 100 + n END), 'teacher'
           FROM generate_series(0, {learners} / 25 - 1) n""",
        """INSERT INTO caseload (tenant_id, id, person_id, learner_id, kind)
           SELECT {t}, gen_random_uuid(), pg_temp.id_of(2, CASE WHEN n <= 372 THEN {learners} + 2
                  ELSE {learners} + 100 + n / 372 END), pg_temp.id_of(2, n), 'counselor'
           FROM generate_series(1, {learners}) n""",
        """INSERT INTO guardianship (tenant_id, id, guardian_id, learner_id, relationship)
           SELECT {t}, gen_random_uuid(), pg_temp.id_of(2, CASE WHEN n <= 2 THEN {learners} + 5
                  ELSE {learners} + 100 + n / 25 END), pg_temp.id_of(2, n), 'parent'
           FROM generate_series(1, {learners}, 20) n""",
        """INSERT INTO plan (tenant_id, id, learner_id, school_id, school_year, title, starts_on, ends_on, created_at,
                             updated_at)
           SELECT {t}, pg_temp.id_of(4, n), pg_temp.id_of(2, n), pg_temp.id_of(1, 1 + (n - 1) / {per_school}), 2027,
                  'Plan', '2026-08-01', '2027-07-31', now() - n * 31 % 100003 * interval '1 minute',
                  now() - n * 37 % 100019 * interval '1 minute'
           FROM generate_series(1, {learners}) n""",
        """INSERT INTO goal (tenant_id, id, plan_id, learner_id, title, category, metric_kind, proposed_side)
           SELECT {t}, pg_temp.id_of(5, n), pg_temp.id_of(4, n), pg_temp.id_of(2, n), 'Goal', 'academic', 'percent',
                  'learner'
           FROM generate_series(1, {learners}) n""",
        """INSERT INTO event (tenant_id, id, seq, capacity, section, learner_id, plan_id, entity_type, entity_id,
                              action, changes, request_id)
           SELECT {t}, gen_random_uuid(), n, 'learner', 'plan', pg_temp.id_of(2, n), pg_temp.id_of(4, n), 'plan',
                  pg_temp.id_of(4, n), 'create', '{{}}', 'r'
           FROM generate_series(1, {learners}) n""",
        "UPDATE tenant SET last_event_seq = {learners}",
        # The mentor has grants on five plans, one of them on a goal alone; others have one each.
        """INSERT INTO access_grant (tenant_id, id, plan_id, learner_id, person_id, is_outside, status, level, sections,
                                     purpose, from_on, until_on, proposed_as)
           SELECT {t}, pg_temp.id_of(6, n), pg_temp.id_of(4, n * 1000), pg_temp.id_of(2, n * 1000),
                  pg_temp.id_of(2, CASE WHEN n <= 5 THEN {learners} + 6 ELSE {learners} + 100 + n END), true, 'active',
                  'comment', CASE n WHEN 5 THEN '{{}}'::text[] ELSE '{{plan,profile}}' END, 'mentoring', '2020-01-01',
                  '2099-01-01', 'counselor'
           FROM generate_series(1, 200) n""",
        """INSERT INTO access_grant_goal (tenant_id, id, grant_id, goal_id)
           VALUES ({t}, gen_random_uuid(), pg_temp.id_of(6, 5), pg_temp.id_of(5, 5000))""",
    )

    def sql(self) -> list[str]:
        tenant = f"'{TENANT_ID}'::uuid"
        values = {"t": tenant, "learners": LEARNERS, "schools": SCHOOLS, "per_school": PER_SCHOOL}
        return [self.setup, *(row.format(**values) for row in self.rows), "SET session_replication_role = origin"]


async def fill(superuser_url: str) -> None:
    """Make the district in an empty, migrated database. Foreign keys are not checked: the rows are right by making."""
    connection = await asyncpg.connect(superuser_url)
    try:
        for statement in Statements().sql():
            await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
