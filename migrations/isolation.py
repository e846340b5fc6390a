"""Row-level security of one table, as every migration that makes a tenant-owned table applies it."""

from alembic import op

TENANT = "nullif(current_setting('app.tenant', true), '')::uuid"
"""The bound tenant. After a bound transaction the setting is '', which a plain cast would refuse."""


def isolate(table: str, *, key: str = "tenant_id", grants: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Force row-level security: plp_app sees and writes the bound tenant's rows only, everybody else nothing."""
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    op.execute(
        f'CREATE POLICY tenant_isolation ON "{table}" TO plp_app USING ({key} = {TENANT}) WITH CHECK ({key} = {TENANT})'
    )
    op.execute(f'GRANT {grants} ON "{table}" TO plp_app')


def let_system(table: str, grants: str) -> None:
    """Let plp_system (sequencer and housekeeping) do named things to the rows of every tenant."""
    op.execute(f'CREATE POLICY system ON "{table}" TO plp_system USING (true) WITH CHECK (true)')
    op.execute(f'GRANT {grants} ON "{table}" TO plp_system')
