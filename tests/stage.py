"""A live server on a database of its own, in front of a scripted upstream; its tenants are made as needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import create_app, egress
from app.extensions import db
from tests import crowd
from tests.databases import Databases, settings_for
from tests.forgetting import forget_everything
from tests.live import Answer, Server, serving
from tests.money import make_prepaid
from tests.providers_world import add_endpoint, add_provider, set_price
from tests.upstream import Upstream
from tests.world import Tenant, make_tenant


@dataclass
class Shop:
    """A tenant on the stage, with the endpoint `paid` on the scripted model `up/m`."""

    server: Server
    upstream: Upstream
    tenant: Tenant
    path: str

    def post(self, message: str = "Hi", *, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        """Call the endpoint; the answer's body is unread."""
        named = self.tenant.headers | (headers or {})
        return self.server.post(self.path, {"message": message, **body}, named)

    def request(self, message: str = "Hi", *, headers: dict[str, str] | None = None, **body: Any) -> bytes:
        """Return such a call as bytes."""
        return crowd.post(self.path, {"message": message, **body}, self.tenant.headers | (headers or {}))


@dataclass
class Stage:
    """The server, and the process's own view of its database."""

    server: Server
    upstream: Upstream

    def shop(self, name: str, nano_usd: int | None = None, **endpoint: Any) -> Shop:
        """Make a tenant whose model costs $1 per million tokens in and $2 out; prepaid with so much."""
        tenant = make_tenant(name)
        add_provider(tenant, self.upstream, "up")
        set_price(tenant, "up/m", input_usd_per_million="1", output_usd_per_million="2")
        path = add_endpoint(tenant, "paid", "up/m", **endpoint)
        if nano_usd is not None:
            make_prepaid(tenant, nano_usd)
        return Shop(self.server, self.upstream, tenant, path)


@contextmanager
def setting(
    databases: Databases, directory: Path, redis_url: str, *, through: Any = None, **options: Any
) -> Iterator[Stage]:
    """Run a server with these options; `through` turns the database's URL into the one that it uses."""
    forget_everything()
    with databases.fresh() as url, Upstream() as upstream:
        app = create_app(settings_for(directory, url, redis_url))
        egress.configure(private_upstreams=frozenset({upstream.place}))
        private = f"{upstream.place[0]}:{upstream.place[1]}"
        used = through(url) if through else url
        with serving(directory, used, redis_url, PRIVATE_UPSTREAMS=private, **options) as server:
            yield Stage(server, upstream)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
