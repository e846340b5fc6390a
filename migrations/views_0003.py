"""SQL of the third migration's view."""

ACTS_FOR = """
CREATE VIEW acts_for WITH (security_invoker = true) AS
SELECT tenant_id, person_id, org_id AS school_id, role AS acts_as, until_on
FROM role_assignment
WHERE role <> 'student'
UNION ALL
SELECT e.tenant_id, e.person_id, c.school_id, 'teacher', e.until_on
FROM enrollment e
JOIN class c ON c.tenant_id = e.tenant_id AND c.id = e.class_id
WHERE e.role = 'teacher'
UNION ALL
SELECT e.tenant_id, e.person_id, l.school_id, 'teacher', least(e.until_on, p.until_on)
FROM enrollment e
JOIN enrollment p ON p.tenant_id = e.tenant_id AND p.class_id = e.class_id AND p.role = 'student'
JOIN learner l ON l.tenant_id = p.tenant_id AND l.id = p.person_id
WHERE e.role = 'teacher'
UNION ALL
SELECT w.tenant_id, w.person_id, l.school_id, w.kind, w.until_on
FROM caseload w
JOIN learner l ON l.tenant_id = w.tenant_id AND l.id = w.learner_id
UNION ALL
SELECT g.tenant_id, g.guardian_id, l.school_id, 'guardian', g.until_on
FROM guardianship g
JOIN learner l ON l.tenant_id = g.tenant_id AND l.id = g.learner_id
UNION ALL
SELECT tenant_id, id, school_id, 'learner', NULL
FROM learner
"""
