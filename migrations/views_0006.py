"""SQL of the sixth migration's views: every relation by which somebody reaches a record, and what overrides it.

`relation` is the word that the application compares. Relations that the rules know have their plain name; those that
name their own sections (grants, break-glass) give one row for each section, `grantee:plan:comment`. `plan_id` and
`item_id` narrow a fact to one plan and to one goal of it; `is_scoped` marks the branches of facts that most people do
not have, so that a statement may leave them out. `source`, `source_id` and `delegation_id` say which row it comes from.
"""

from migrations import views_0001, views_0003, views_0004

TODAY = "(now() AT TIME ZONE t.timezone)::date"


def _in_force(alias: str) -> str:
    return f"coalesce({alias}.from_on <= {TODAY}, true) AND coalesce({alias}.until_on > {TODAY}, true)"


_TEACHING = """
FROM enrollment teaching
JOIN enrollment learning ON learning.tenant_id = teaching.tenant_id AND learning.class_id = teaching.class_id
                        AND learning.role = 'student'
"""
_GRANTED = "g.status = 'active' AND (c.id IS NOT NULL OR g.consent_id IS NULL)"
_CONSENTED = "LEFT JOIN consent c ON c.tenant_id = g.tenant_id AND c.id = g.consent_id AND c.withdrawn_at IS NULL"

ACCESS_FACT = f"""
CREATE VIEW access_fact WITH (security_invoker = true) AS
SELECT tenant_id, id AS person_id, id AS learner_id, NULL::uuid AS plan_id, NULL::uuid AS item_id,
       'learner'::text AS relation, NULL::text[] AS sections, NULL::text AS level,
       NULL::date AS from_on, NULL::date AS until_on, false AS is_scoped,
       'learner'::text AS source, id AS source_id, NULL::uuid AS delegation_id
FROM learner
UNION ALL
SELECT teaching.tenant_id, teaching.person_id, learning.person_id, NULL, NULL, 'teacher', NULL, NULL,
       greatest(teaching.from_on, learning.from_on), least(teaching.until_on, learning.until_on),
       false, 'enrollment', teaching.id, NULL
{_TEACHING}
WHERE teaching.role = 'teacher'
UNION ALL
SELECT tenant_id, person_id, learner_id, NULL, NULL, kind, NULL, NULL, from_on, until_on,
       false, 'caseload', id, NULL
FROM caseload
UNION ALL
SELECT g.tenant_id, g.guardian_id, g.learner_id, NULL, NULL, 'guardian', NULL, NULL,
       g.from_on, least(g.until_on, CASE WHEN l.is_dependent THEN NULL ELSE l.majority_on END),
       false, 'guardianship', g.id, NULL
FROM guardianship g
JOIN learner l ON l.tenant_id = g.tenant_id AND l.id = g.learner_id
UNION ALL
SELECT g.tenant_id, g.guardian_id, g.learner_id, NULL, NULL, 'guardian', NULL, NULL,
       greatest(g.from_on, c.signed_on), least(g.until_on, c.until_on), false, 'consent', c.id, NULL
FROM guardianship g
JOIN consent c ON c.tenant_id = g.tenant_id AND c.learner_id = g.learner_id AND c.recipient_person_id = g.guardian_id
WHERE c.purpose = 'guardian_access' AND c.consenter_id = c.learner_id AND c.withdrawn_at IS NULL
UNION ALL
SELECT tenant_id, person_id, learner_id, plan_id, NULL, 'team_member', NULL, NULL, from_on, until_on,
       true, 'team_member', id, NULL
FROM team_member
UNION ALL
SELECT g.tenant_id, g.person_id, g.learner_id, g.plan_id, NULL,
       'grantee:' || s.section || ':' || CASE s.section WHEN 'learner' THEN 'read' ELSE g.level END,
       g.sections, g.level,
       greatest(g.from_on, c.signed_on), least(g.until_on, c.until_on), true, 'access_grant', g.id, NULL
FROM access_grant g {_CONSENTED}
CROSS JOIN LATERAL unnest(array_append(g.sections, 'learner')) AS s (section)
WHERE {_GRANTED}
UNION ALL
SELECT g.tenant_id, g.person_id, g.learner_id, g.plan_id, i.goal_id,
       'grantee:plan:' || g.level, g.sections, g.level,
       greatest(g.from_on, c.signed_on), least(g.until_on, c.until_on), true, 'access_grant', g.id, NULL
FROM access_grant g {_CONSENTED}
JOIN access_grant_goal i ON i.tenant_id = g.tenant_id AND i.grant_id = g.id
WHERE {_GRANTED}
UNION ALL
SELECT b.tenant_id, b.person_id, b.learner_id, NULL, NULL, 'break_glass:' || s.section || ':read', b.sections, 'read',
       r.from_on, r.until_on, true, 'break_glass', b.id, NULL
FROM break_glass b
JOIN learner l ON l.tenant_id = b.tenant_id AND l.id = b.learner_id
JOIN role_assignment r ON r.tenant_id = b.tenant_id AND r.person_id = b.person_id
     AND (r.role = 'district_admin' OR (r.role = 'school_admin' AND r.org_id = l.school_id))
CROSS JOIN LATERAL unnest(b.sections) AS s (section)
WHERE b.ended_at IS NULL AND b.expires_at > now()
UNION ALL
SELECT d.tenant_id, d.delegate_id, learning.person_id, NULL, NULL, 'teacher', NULL, NULL,
       greatest(d.from_on, teaching.from_on, learning.from_on),
       least(d.until_on, teaching.until_on, learning.until_on), true, 'enrollment', teaching.id, d.id
{_TEACHING}
JOIN delegation d ON d.tenant_id = teaching.tenant_id AND d.delegator_id = teaching.person_id
WHERE teaching.role = 'teacher'
UNION ALL
SELECT d.tenant_id, d.delegate_id, w.learner_id, NULL, NULL, w.kind, NULL, NULL,
       greatest(d.from_on, w.from_on), least(d.until_on, w.until_on), true, 'caseload', w.id, d.id
FROM caseload w
JOIN delegation d ON d.tenant_id = w.tenant_id AND d.delegator_id = w.person_id
UNION ALL
SELECT d.tenant_id, d.delegate_id, m.learner_id, m.plan_id, NULL, 'team_member', NULL, NULL,
       greatest(d.from_on, m.from_on), least(d.until_on, m.until_on), true, 'team_member', m.id, d.id
FROM team_member m
JOIN delegation d ON d.tenant_id = m.tenant_id AND d.delegator_id = m.person_id
"""

BARRED = f"""
CREATE OR REPLACE VIEW barred WITH (security_invoker = true) AS
SELECT g.tenant_id, g.guardian_id AS person_id, g.learner_id,
       CASE WHEN x.kind = 'sections' THEN x.sections END AS sections
FROM guardianship g
JOIN guardianship_restriction x ON x.tenant_id = g.tenant_id AND x.guardianship_id = g.id
JOIN tenant t ON t.id = g.tenant_id
WHERE g.guardian_id <> g.learner_id AND {_in_force("x")}
"""

_ROLES = f"""
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(ra.role, ra.org_id) ORDER BY ra.role, ra.org_id) AS roles,
           bool_or(ra.role IN ('school_admin', 'district_admin')) AS is_admin
    FROM role_assignment ra
    WHERE ra.tenant_id = p.tenant_id AND ra.person_id = p.person_id AND {_in_force("ra")}
) r ON true
"""


def _exists(table: str, column: str) -> str:
    return f"EXISTS (SELECT FROM {table} x WHERE x.tenant_id = p.tenant_id AND x.{column} = p.person_id)"


# Named relations reach whole learners; the others one plan, one goal or named sections, which a statement must ask for.
_IS_SCOPED = " OR ".join(
    _exists(table, column)
    for table, column in (
        ("team_member", "person_id"),
        ("access_grant", "person_id"),
        ("break_glass", "person_id"),
        ("delegation", "delegate_id"),
    )
)
_HAS_RELATIONS = " OR ".join(
    _exists(table, column)
    for table, column in (("enrollment", "person_id"), ("caseload", "person_id"), ("guardianship", "guardian_id"))
)
# Whom a restriction is about reads none of the learner's, in whatever role and whenever it holds.
_FACTS = f"""
       'roles', coalesce(r.roles, '[]'::json),
       'has_relations', p.person_id IS NOT NULL AND (r.is_admin IS NOT TRUE OR {_HAS_RELATIONS} OR {_IS_SCOPED}),
       'is_scoped', p.person_id IS NOT NULL AND ({_IS_SCOPED}),
       'barred', to_json(ARRAY(
           SELECT json_build_array(b.learner_id, to_json(b.sections))::text FROM barred b
           WHERE b.tenant_id = p.tenant_id AND b.person_id = p.person_id
           UNION
           SELECT json_build_array(g.learner_id, '["restrictions"]'::json)::text
           FROM guardianship g
           JOIN guardianship_restriction x ON x.tenant_id = g.tenant_id AND x.guardianship_id = g.id
           WHERE g.tenant_id = p.tenant_id AND g.guardian_id = p.person_id AND g.guardian_id <> g.learner_id
           ORDER BY 1
       )),
       'rules', (SELECT y.rules FROM sharing_policy y WHERE y.tenant_id = p.tenant_id)
"""

CALLER = f"""
CREATE OR REPLACE VIEW caller WITH (security_invoker = true) AS
SELECT p.tenant_id, p.session_id,
       json_build_object(
       'person_id', p.person_id,
       'account_id', p.account_id,
       'service_client_id', p.service_client_id,
       'timezone', t.timezone,
       'scopes', to_json(ARRAY(SELECT unnest(p.session_scopes) INTERSECT SELECT unnest(p.client_scopes) ORDER BY 1)),
       {_FACTS}
       )::text AS facts
FROM (
    SELECT s.tenant_id, s.id AS session_id, a.person_id, s.account_id, s.service_client_id, s.scopes AS session_scopes,
           c.scopes AS client_scopes
    FROM session s
    LEFT JOIN account a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
    LEFT JOIN service_client c ON c.tenant_id = s.tenant_id AND c.id = s.service_client_id
    WHERE s.ended_at IS NULL AND s.expires_at > now() AND NOT coalesce(a.is_disabled, c.is_disabled, true)
) p
JOIN tenant t ON t.id = p.tenant_id
{_ROLES}
"""

PERSON_FACTS = f"""
CREATE VIEW person_facts WITH (security_invoker = true) AS
SELECT p.tenant_id, p.person_id,
       json_build_object(
       'person_id', p.person_id,
       'account_id', NULL,
       'service_client_id', NULL,
       'timezone', t.timezone,
       'scopes', '[]'::json,
       {_FACTS}
       )::text AS facts
FROM (SELECT q.tenant_id, q.id AS person_id FROM person q) p
JOIN tenant t ON t.id = p.tenant_id
{_ROLES}
"""

# Who may administer an account reaches as far as its owner does: by teams, grants and as a substitute, too.
ACTS_FOR = (
    views_0003.ACTS_FOR.replace("CREATE VIEW", "CREATE OR REPLACE VIEW")
    + """
UNION ALL
SELECT f.tenant_id, f.person_id, l.school_id, split_part(f.relation, ':', 1), f.until_on
FROM access_fact f
JOIN learner l ON l.tenant_id = f.tenant_id AND l.id = f.learner_id
WHERE f.is_scoped
"""
)

UPGRADE = (
    "DROP VIEW access_fact",
    ACCESS_FACT,
    "GRANT SELECT ON access_fact TO plp_app",
    ACTS_FOR,
    BARRED,
    CALLER,
    PERSON_FACTS,
    "GRANT SELECT ON person_facts TO plp_app",
)
"""Run when the tables are there."""

DOWNGRADE = (
    "DROP VIEW person_facts",
    views_0003.ACTS_FOR.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"),
    "DROP VIEW access_fact",
    "DROP VIEW caller",
    "DROP VIEW barred",
    views_0001.ACCESS_FACT,
    views_0004.BARRED,
    views_0004.CALLER,
    "GRANT SELECT ON access_fact, barred, caller TO plp_app",
)
"""Run while the tables are still there."""
