"""SQL of the fourth migration's views: from whom a restriction keeps a person, in whatever relation or role."""

BARRED = """
CREATE VIEW barred WITH (security_invoker = true) AS
SELECT g.tenant_id, g.guardian_id AS person_id, g.learner_id
FROM guardianship g
JOIN guardianship_restriction x ON x.tenant_id = g.tenant_id AND x.guardianship_id = g.id
JOIN tenant t ON t.id = g.tenant_id
WHERE g.guardian_id <> g.learner_id
  AND coalesce(x.from_on <= (now() AT TIME ZONE t.timezone)::date, true)
  AND coalesce(x.until_on > (now() AT TIME ZONE t.timezone)::date, true)
"""

CALLER = """
CREATE OR REPLACE VIEW caller WITH (security_invoker = true) AS
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
           ),
           'barred', to_json(ARRAY(
               SELECT DISTINCT b.learner_id FROM barred b
               WHERE b.tenant_id = s.tenant_id AND b.person_id = a.person_id ORDER BY 1
           ))
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
