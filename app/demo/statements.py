"""The SQL that turns the drawn people into a district. It runs as plp_app, under row-level security.

COPY is refused there, so people arrive in temporary tables, and the rest is derived from them in sets. The functions
`pg_temp.<kind>_id(number)` give the same ids as `app.demo.ids`.
"""

from app.demo.ids import Kind

TEMPORARY_TABLES = """
CREATE TEMPORARY TABLE demo_world (
    tenant_id uuid, school_year int, starts_on date, ends_on date, today timestamptz,
    plan_title text, vision text, relationship text, obstacle text, response text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_subject (rank int, title text, code text) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_school (number bigint, name text) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_section (number bigint, school bigint, grade text, teacher bigint, advisor bigint)
    ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_staff (
    number bigint, role text, school bigint, given_name text, family_name text, source_id text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_learner (
    number bigint, given_name text, family_name text, guardian_name text, school bigint, section bigint, grade text,
    teacher bigint, advisor bigint, counselor bigint, case_manager bigint, status text, goals int, first_goal int,
    age int
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_goal (
    number int, title text, description text, category text, metric_kind text, unit text, baseline int, target int
) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_action (goal int, position int, owner text, title text) ON COMMIT DROP;
CREATE TEMPORARY TABLE demo_milestone (goal int, position int, title text) ON COMMIT DROP;
"""

ID_FUNCTIONS = "\n".join(
    f"CREATE FUNCTION pg_temp.{kind.name.lower()}_id(number bigint) RETURNS uuid LANGUAGE sql STABLE RETURN "
    f"(current_setting('demo.time') || '-7{kind:03x}-' || current_setting('demo.world') "
    "|| lpad(to_hex(number), 10, '0'))::uuid;"
    for kind in Kind
)

ORGANISATION = (
    """
    INSERT INTO org (tenant_id, id, name, type)
    SELECT t.id, pg_temp.org_id(0), t.name, 'district' FROM tenant t
    """,
    """
    INSERT INTO org (tenant_id, id, name, type, parent_id)
    SELECT w.tenant_id, pg_temp.org_id(s.number + 1), s.name, 'school', pg_temp.org_id(0)
    FROM demo_school s, demo_world w
    """,
    """
    INSERT INTO person (tenant_id, id, given_name, family_name)
    SELECT w.tenant_id, pg_temp.staff_id(s.number), s.given_name, s.family_name FROM demo_staff s, demo_world w
    """,
    """
    INSERT INTO role_assignment (tenant_id, id, person_id, org_id, role)
    SELECT w.tenant_id, pg_temp.role_id(s.number), pg_temp.staff_id(s.number),
           pg_temp.org_id(coalesce(s.school + 1, 0)), s.role
    FROM demo_staff s, demo_world w
    """,
    """
    INSERT INTO class (tenant_id, id, title, class_code, school_id, school_year)
    SELECT w.tenant_id, pg_temp.class_id(s.number * 2 + c.rank), c.title || ' ' || ltrim(s.grade, '0'),
           c.code || '-' || s.grade || '-' || s.number, pg_temp.org_id(s.school + 1), w.school_year
    FROM demo_section s, demo_subject c, demo_world w
    """,
    """
    INSERT INTO enrollment (tenant_id, id, class_id, person_id, role)
    SELECT w.tenant_id, pg_temp.enrollment_id((1::bigint << 36) + s.number * 2 + c.rank),
           pg_temp.class_id(s.number * 2 + c.rank), pg_temp.staff_id(c.teacher), 'teacher'
    FROM demo_section s, demo_world w, LATERAL (VALUES (0, s.teacher), (1, s.advisor)) c (rank, teacher)
    """,
    """
    INSERT INTO external_id (tenant_id, id, entity_id, system, type, value)
    SELECT w.tenant_id, pg_temp.external_id((1::bigint << 36) + row_number() OVER (ORDER BY x.type, x.value)),
           x.entity_id, 'sis', x.type, x.value
    FROM demo_world w, (
        SELECT pg_temp.org_id(number + 1), 'org', 'O' || lpad(number::text, 6, '0') FROM demo_school
        UNION ALL
        SELECT pg_temp.staff_id(number), 'user', source_id FROM demo_staff
        UNION ALL
        SELECT pg_temp.class_id(number * 2 + rank), 'class', 'C' || lpad((number * 2 + rank)::text, 6, '0')
        FROM demo_section, generate_series(0, 1) rank
    ) x (entity_id, type, value)
    """,
)
"""Once for each tenant."""

LEARNERS = (
    """
    INSERT INTO person (tenant_id, id, given_name, family_name)
    SELECT w.tenant_id, pg_temp.learner_id(l.number), l.given_name, l.family_name FROM demo_learner l, demo_world w
    UNION ALL
    SELECT w.tenant_id, pg_temp.guardian_id(l.number), l.guardian_name, l.family_name FROM demo_learner l, demo_world w
    WHERE l.guardian_name IS NOT NULL
    """,
    """
    INSERT INTO learner (tenant_id, id, given_name, family_name, school_id, grade)
    SELECT w.tenant_id, pg_temp.learner_id(l.number), l.given_name, l.family_name, pg_temp.org_id(l.school + 1), l.grade
    FROM demo_learner l, demo_world w
    """,
    """
    INSERT INTO role_assignment (tenant_id, id, person_id, org_id, role)
    SELECT w.tenant_id, pg_temp.role_id((1::bigint << 36) + l.number * 2), pg_temp.learner_id(l.number),
           pg_temp.org_id(l.school + 1), 'student'
    FROM demo_learner l, demo_world w
    UNION ALL
    SELECT w.tenant_id, pg_temp.role_id((1::bigint << 36) + l.number * 2 + 1), pg_temp.guardian_id(l.number),
           pg_temp.org_id(l.school + 1), 'guardian'
    FROM demo_learner l, demo_world w
    WHERE l.guardian_name IS NOT NULL
    """,
    """
    INSERT INTO external_id (tenant_id, id, entity_id, system, type, value)
    SELECT w.tenant_id, pg_temp.external_id(l.number), pg_temp.learner_id(l.number), 'sis', 'user',
           'S' || lpad(l.number::text, 7, '0')
    FROM demo_learner l, demo_world w
    """,
    """
    INSERT INTO guardianship (tenant_id, id, guardian_id, learner_id, relationship)
    SELECT w.tenant_id, pg_temp.guardianship_id(l.number), pg_temp.guardian_id(l.number),
           pg_temp.learner_id(l.number), w.relationship
    FROM demo_learner l, demo_world w
    WHERE l.guardian_name IS NOT NULL
    """,
    """
    INSERT INTO enrollment (tenant_id, id, class_id, person_id, role)
    SELECT w.tenant_id, pg_temp.enrollment_id(l.number * 2 + c.rank), pg_temp.class_id(l.section * 2 + c.rank),
           pg_temp.learner_id(l.number), 'student'
    FROM demo_learner l, demo_world w, generate_series(0, 1) c (rank)
    """,
    """
    INSERT INTO caseload (tenant_id, id, person_id, learner_id, kind)
    SELECT w.tenant_id, pg_temp.caseload_id(l.number * 3 + c.rank), pg_temp.staff_id(c.person),
           pg_temp.learner_id(l.number), c.kind
    FROM demo_learner l, demo_world w, LATERAL (
        VALUES (0, 'advisor', l.advisor), (1, 'counselor', l.counselor), (2, 'case_manager', l.case_manager)
    ) c (rank, kind, person)
    WHERE c.person IS NOT NULL
    """,
)
"""For each chunk of learners: who they are and who works with them."""

PLANS = (
    """
    INSERT INTO plan (tenant_id, id, learner_id, school_id, school_year, title, vision, starts_on, ends_on, status,
                      submitted_by, submitted_at, approved_by, approved_at, created_at, updated_at)
    SELECT w.tenant_id, pg_temp.plan_id(l.number), pg_temp.learner_id(l.number), pg_temp.org_id(l.school + 1),
           w.school_year, w.plan_title, w.vision, w.starts_on, w.ends_on, l.status,
           CASE WHEN t.submitted_at IS NOT NULL THEN pg_temp.learner_id(l.number) END, t.submitted_at,
           CASE WHEN t.approved_at IS NOT NULL THEN pg_temp.staff_id(l.counselor) END, t.approved_at,
           w.today - l.age * interval '60 seconds',
           coalesce(t.approved_at, t.submitted_at, w.today - l.age * interval '60 seconds')
    FROM demo_learner l, demo_world w, LATERAL (
        SELECT CASE WHEN l.status <> 'draft' THEN w.today - l.age * interval '40 seconds' END,
               CASE WHEN l.status = 'active' THEN w.today - l.age * interval '20 seconds' END
    ) t (submitted_at, approved_at)
    """,
    """
    INSERT INTO event (tenant_id, id, at, actor_person_id, capacity, section, learner_id, plan_id, entity_type,
                       entity_id, action, entity_version, changes, request_id)
    SELECT p.tenant_id, pg_temp.event_id(l.number), p.created_at, p.learner_id, 'learner', 'plan', p.learner_id, p.id,
           'plan', p.id, 'create', 1,
           jsonb_build_object('title', jsonb_build_object('before', null, 'after', p.title),
                              'status', jsonb_build_object('before', null, 'after', 'draft')),
           'demo'
    FROM demo_learner l, demo_world w, plan p
    WHERE p.tenant_id = w.tenant_id AND p.id = pg_temp.plan_id(l.number)
    """,
    """
    INSERT INTO goal (tenant_id, id, plan_id, learner_id, title, description, category, status, metric_kind, unit,
                      baseline, target, starts_on, due_on, proposed_by, proposed_side, learner_agreed_at,
                      learner_agreed_by, staff_agreed_at, staff_agreed_by, created_at, updated_at)
    SELECT w.tenant_id, pg_temp.goal_id(l.number * 5 + s.rank), pg_temp.plan_id(l.number), person.learner_id,
           g.title, g.description, g.category, CASE WHEN s.is_agreed THEN 'agreed' ELSE 'proposed' END, g.metric_kind,
           g.unit, g.baseline, g.target, w.starts_on, w.ends_on - 7 * s.rank,
           CASE WHEN s.is_own THEN person.learner_id ELSE person.advisor_id END,
           CASE WHEN s.is_own THEN 'learner' ELSE 'staff' END,
           CASE WHEN s.is_own OR s.is_agreed THEN s.at END,
           CASE WHEN s.is_own OR s.is_agreed THEN person.learner_id END,
           CASE WHEN s.is_agreed OR NOT s.is_own THEN s.at END,
           CASE WHEN s.is_agreed OR NOT s.is_own THEN person.advisor_id END,
           s.at, s.at
    FROM demo_world w, demo_learner l,
         LATERAL (SELECT pg_temp.learner_id(l.number), pg_temp.staff_id(l.advisor) OFFSET 0)
             person (learner_id, advisor_id),
         LATERAL (SELECT rank, rank < 2 OR l.status <> 'draft' OR l.number = 0, rank % 2 = 0,
                         w.today - l.age * interval '60 seconds' + rank * interval '1 second'
                  FROM generate_series(0, l.goals - 1) rank) s (rank, is_agreed, is_own, at),
         demo_goal g
    WHERE g.number = (l.first_goal + s.rank) % 8
    """,
    """
    INSERT INTO action (tenant_id, id, goal_id, plan_id, learner_id, title, owner, due_on, if_obstacle, then_response,
                        created_at, updated_at)
    SELECT w.tenant_id, pg_temp.action_id((l.number * 5 + s.rank) * 4 + a.position), s.goal_id, s.plan_id,
           s.learner_id, a.title, a.owner, w.ends_on - 14 - 7 * a.position,
           CASE WHEN a.position = 0 THEN w.obstacle END, CASE WHEN a.position = 0 THEN w.response END,
           s.at + a.position * interval '1 second', s.at + a.position * interval '1 second'
    FROM demo_world w, demo_learner l,
         LATERAL (SELECT rank, pg_temp.goal_id(l.number * 5 + rank), pg_temp.plan_id(l.number),
                         pg_temp.learner_id(l.number), w.today - l.age * interval '60 seconds'
                  FROM generate_series(0, l.goals - 1) rank OFFSET 0) s (rank, goal_id, plan_id, learner_id, at),
         demo_action a
    WHERE a.goal = (l.first_goal + s.rank) % 8
    """,
)
"""For each chunk of learners: their plans, goals and actions."""

TAUGHT = (
    """
    INSERT INTO milestone (tenant_id, id, goal_id, plan_id, learner_id, title, position, due_on)
    SELECT w.tenant_id, pg_temp.milestone_id((l.number * 5 + rank) * 2 + m.position),
           pg_temp.goal_id(l.number * 5 + rank), pg_temp.plan_id(l.number), pg_temp.learner_id(l.number), m.title,
           m.position, w.ends_on - 60 + 20 * m.position
    FROM demo_world w, demo_learner l, generate_series(0, 4) rank, demo_milestone m
    WHERE l.goals = 5 AND m.goal = (l.first_goal + rank) % 8
    """,
    """
    INSERT INTO progress_entry (tenant_id, id, goal_id, plan_id, learner_id, value, note, observed_on, recorded_by,
                                recorded_side, recorded_at)
    SELECT w.tenant_id, pg_temp.progress_id((l.number * 5 + rank) * 3 + step), g.id, g.plan_id, g.learner_id,
           round(g.baseline + (g.target - g.baseline) * (step + 1) * 0.15), NULL, w.today::date - 7 * (3 - step),
           CASE WHEN step = 1 THEN g.staff_agreed_by ELSE g.learner_id END,
           CASE WHEN step = 1 THEN 'staff' ELSE 'learner' END, w.today - interval '7 days' * (3 - step)
    FROM demo_world w, demo_learner l, generate_series(0, 4) rank, generate_series(0, 2) step, goal g
    WHERE l.goals = 5 AND g.tenant_id = w.tenant_id AND g.id = pg_temp.goal_id(l.number * 5 + rank)
      AND g.status = 'agreed' AND g.baseline IS NOT NULL
    """,
    """
    INSERT INTO goal_teacher (tenant_id, id, goal_id, person_id)
    SELECT w.tenant_id, pg_temp.goal_teacher_id(l.number), pg_temp.goal_id(l.number * 5), pg_temp.staff_id(l.teacher)
    FROM demo_world w, demo_learner l
    WHERE l.goals = 5
    """,
)
"""For each chunk of learners: what only the learners of the demo teacher have."""

COMPETENCIES = """
INSERT INTO goal_competency (tenant_id, id, goal_id, competency_id)
SELECT w.tenant_id, pg_temp.goal_competency_id(l.number * 5 + rank), g.id,
       ($1::uuid[])[1 + (l.number * 5 + rank) % cardinality($1::uuid[])]
FROM demo_world w, demo_learner l, generate_series(0, 4) rank, goal g
WHERE l.goals = 5 AND g.tenant_id = w.tenant_id AND g.id = pg_temp.goal_id(l.number * 5 + rank)
  AND g.category = 'academic' AND cardinality($1::uuid[]) > 0
"""

RESTRICTED_GUARDIAN = (
    """
    INSERT INTO person (tenant_id, id, given_name, family_name) VALUES ($1, $2, $3, $4)
    """,
    """
    INSERT INTO guardianship (tenant_id, id, guardian_id, learner_id, relationship) VALUES ($1, $2, $3, $4, $5)
    """,
    """
    INSERT INTO guardianship_restriction (tenant_id, id, guardianship_id, kind, evidence_reference)
    VALUES ($1, $2, $3, 'no_contact', $4)
    """,
    """
    INSERT INTO role_assignment (tenant_id, id, person_id, org_id, role) VALUES ($1, $2, $3, $4, 'guardian')
    """,
)
