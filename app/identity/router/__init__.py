"""Everything that identity offers over HTTP."""

from app.identity.router import accounts, auth, clients, me, oauth

# `/v1/auth/sessions/current` comes before `/v1/auth/sessions/{session_id}`.
ROUTERS = (
    auth.public_router,
    auth.own_router,
    auth.password_router,
    oauth.router,
    oauth.keys_router,
    me.router,
    accounts.router,
    clients.router,
)
