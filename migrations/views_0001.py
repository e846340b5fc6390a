"""SQL of the first migration's views and functions."""

CALLER = """
CREATE VIEW caller WITH (security_invoker = true) AS
SELECT s.tenant_id, s.id AS session_id,
       json_build_object(
           'person_id', a.person_id,
           'account_id', s.account_id,
           'service_client_id', s.service_client_id,
           'timezone', t.timezone,
           'roles', coalesce(r.roles, '[]'::json),
           'scopes', to_json(ARRAY(SELECT unnest(s.scopes) INTERSECT SELECT unnest(c.scopes) ORDER BY 1)),
           'has_relations', a.id IS NOT NULL AND (
               r.is_admin IS NOT TRUE
               OR EXISTS (SELECT FROM enrollment e WHERE e.tenant_id = s.tenant_id AND e.person_id = a.person_id)
               OR EXISTS (SELECT FROM caseload l WHERE l.tenant_id = s.tenant_id AND l.person_id = a.person_id)
               OR EXISTS (SELECT FROM guardianship g WHERE g.tenant_id = s.tenant_id AND g.guardian_id = a.person_id)
           )
       )::text AS facts
FROM session s
JOIN tenant t ON t.id = s.tenant_id
LEFT JOIN account a ON a.tenant_id = s.tenant_id AND a.id = s.account_id
LEFT JOIN service_client c ON c.tenant_id = s.tenant_id AND c.id = s.service_client_id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(ra.role, ra.org_id) ORDER BY ra.role, ra.org_id) AS roles,
           bool_or(ra.role IN ('school_admin', 'district_admin')) AS is_admin
    FROM role_assignment ra
    WHERE ra.tenant_id = s.tenant_id AND ra.person_id = a.person_id
      AND coalesce(ra.from_on <= (now() AT TIME ZONE t.timezone)::date, true)
      AND coalesce(ra.until_on > (now() AT TIME ZONE t.timezone)::date, true)
) r ON true
WHERE s.ended_at IS NULL AND s.expires_at > now() AND NOT coalesce(a.is_disabled, c.is_disabled, true)
"""

ACCESS_FACT = """
CREATE VIEW access_fact WITH (security_invoker = true) AS
SELECT tenant_id, id AS person_id, id AS learner_id, NULL::uuid AS plan_id, 'learner'::text AS relation,
       NULL::text[] AS sections, NULL::text AS level, NULL::date AS from_on, NULL::date AS until_on
FROM learner
UNION ALL
SELECT teaching.tenant_id, teaching.person_id, learning.person_id, NULL, 'teacher', NULL, NULL,
       greatest(teaching.from_on, learning.from_on), least(teaching.until_on, learning.until_on)
FROM enrollment teaching
JOIN enrollment learning ON learning.tenant_id = teaching.tenant_id AND learning.class_id = teaching.class_id
                        AND learning.role = 'student'
WHERE teaching.role = 'teacher'
UNION ALL
SELECT tenant_id, person_id, learner_id, NULL, kind, NULL, NULL, from_on, until_on
FROM caseload
UNION ALL
SELECT g.tenant_id, g.guardian_id, g.learner_id, NULL, 'guardian', NULL, NULL, g.from_on, g.until_on
FROM guardianship g
WHERE NOT EXISTS (
    SELECT FROM guardianship_restriction x
    JOIN tenant t ON t.id = x.tenant_id
    WHERE x.tenant_id = g.tenant_id AND x.guardianship_id = g.id
      AND coalesce(x.from_on <= (now() AT TIME ZONE t.timezone)::date, true)
      AND coalesce(x.until_on > (now() AT TIME ZONE t.timezone)::date, true)
)
"""

SIGN_IN_CANDIDATES = """
CREATE FUNCTION sign_in_candidates(wanted bytea)
RETURNS TABLE (tenant_id uuid, account_id uuid, slug text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT l.tenant_id, l.account_id, t.slug, t.name
    FROM public.login l JOIN public.tenant t ON t.id = l.tenant_id
    WHERE l.identifier_hash = wanted
    ORDER BY t.slug
$$
"""
