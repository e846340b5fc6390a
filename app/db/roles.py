"""Refuses to serve with a database role that row-level security does not hold back."""

import asyncpg

PATIENCE_SECONDS = 5.0

_HELD_BACK = """
SELECT NOT EXISTS (
    SELECT FROM pg_roles r WHERE (r.rolsuper OR r.rolbypassrls) AND pg_has_role(current_user, r.oid, 'MEMBER')
), NOT EXISTS (
    SELECT FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND pg_has_role(current_user, c.relowner, 'MEMBER')
)
"""


class UnsafeRole(RuntimeError):
    """The role sees past the policies that keep tenants apart."""


async def check_role(dsn: str) -> None:
    """Raise `UnsafeRole` if the role of `dsn` is or can become superuser, policy bypasser or owner of tables."""
    connection = await asyncpg.connect(dsn, timeout=PATIENCE_SECONDS, command_timeout=PATIENCE_SECONDS)
    try:
        is_bound_by_policies, is_no_owner = await connection.fetchrow(_HELD_BACK)
    finally:
        await connection.close()
    if not is_bound_by_policies:
        raise UnsafeRole("the database role is a superuser or may bypass row-level security")
    if not is_no_owner:
        raise UnsafeRole("the database role owns the tables")
