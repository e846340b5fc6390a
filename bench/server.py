"""`plp` with two more routes: one that does nothing, and the plan read done the usual way.

Run as `python -m bench.server serve …`; everything else is the product's own command.
"""

from fastapi import FastAPI, Response
from fastapi.routing import APIRoute

from app import cli, main
from app.settings import Settings
from bench import usual


async def empty() -> Response:
    return Response(b"{}", media_type="application/json")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, with the empty route just before the plan's, so that finding it costs the same."""
    app = main.create_app(settings)
    routes = app.router.routes
    before = next(n for n, route in enumerate(routes) if getattr(route, "name", "") == "get_plan")
    routes.insert(before, APIRoute("/bench/empty", empty))
    routes.extend(usual.router.routes)
    return app


if __name__ == "__main__":
    vars(cli)["create_app"] = create_app
    cli.main()
