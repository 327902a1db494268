"""Limits over the production server: many connections and workers, and places that are free in time (I1)."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Flask

from app.domain.actors import SYSTEM
from app.services import keys
from tests.databases import ON_POSTGRESQL
from tests.live import serving
from tests.providers_world import add_endpoint, add_provider
from tests.upstream import Upstream
from tests.world import World

HI = {"message": "Hi"}


def test_limits_hold_over_all_workers_and_places_are_free_in_time(
    app: Flask, world: World, upstream: Upstream, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    add_provider(world.acme, upstream, "up")
    url = add_endpoint(world.acme, "quick", "up/m")
    private = f"{upstream.place[0]}:{upstream.place[1]}"
    tenant, statuses, start = world.acme, [], threading.Barrier(4)
    workspace, project = tenant.workspace.id, tenant.project.id
    hourly = {"name": "hourly", "limits": {"requests_per_hour": 6}}
    secret = keys.create(SYSTEM, workspace, project, hourly).secret
    keys.update(SYSTEM, workspace, tenant.key.id, {"limits": {"concurrency": 1, "tokens_per_minute": 10**6}})
    workers = 2 if ON_POSTGRESQL else 1
    with serving(tmp_path, database_url, redis_url, workers=workers, PRIVATE_UPSTREAMS=private) as server:

        def hit() -> None:
            start.wait()
            for _ in range(5):
                answer = server.post(url, HI, {"Authorization": f"Bearer {secret}"})
                statuses.append(answer.status)

        threads = [threading.Thread(target=hit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        admitted = statuses.count(200)
        assert admitted + statuses.count(429) == 20
        assert 6 <= admitted <= 12, "six; and as many again only where Redis was too slow once"
        for _ in range(12):
            answer = server.post(url, HI, tenant.headers)
            assert answer.read() and answer.status == 200
            answer.close()
