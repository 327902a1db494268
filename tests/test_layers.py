"""The layer law: imports point down only, and each layer keeps away from what is not its business."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

DOORS = ("app.gateway", "app.dashboard", "app.management", "app.jobs")
FROM_THE_BOTTOM = (
    ("app.domain", "app.setting_values", "app.lifecycle", "app.prepared", "app.redis_wire"),
    ("app.redis_line",),
    ("app.redis_store",),
    ("app.config", "app.extensions", "app.database", "app.database_wait"),
    ("app.egress",),
    ("app.models", "app.providers", "app.plugins"),
    ("app.services",),
    ("app.pipeline",),
    ("app.http",),
    ("app.respond",),
    ("app.compare", "app.repeats", "app.shadows"),
    DOORS,
    ("app.errors",),
    ("app.commands", "app.probes", "app.security", "app.sessions"),
    ("app.known_paths",),
    ("app.dispatch",),
    ("app.cli",),
    ("app",),
)
ORDER = {name: height for height, names in enumerate(FROM_THE_BOTTOM) for name in names}
FLASK = {"flask", "flask_login", "flask_babel", "flask_wtf", "flask_migrate", "htmx_flask", "werkzeug"}
DATABASE = {"sqlalchemy", "flask_sqlalchemy", "psycopg"}
QUEUE = {"redis", "rq"}
FORBIDDEN = {
    "app.domain": FLASK | DATABASE | QUEUE | {"requests", "gevent"},
    "app.models": FLASK | QUEUE | {"requests"},
    "app.providers": FLASK | DATABASE | QUEUE | {"requests"},
    "app.egress": FLASK | DATABASE | QUEUE,
    "app.services": FLASK | {"requests"},
    "app.pipeline": FLASK | DATABASE | QUEUE | {"requests", "gevent"},
    "app.compare": DATABASE | QUEUE | {"requests"},
    "app.repeats": FLASK | DATABASE | QUEUE | {"requests"},
    "app.http": DATABASE | QUEUE | {"requests", "gevent"},
    "app.respond": DATABASE | QUEUE | {"requests"},
    "app.shadows": FLASK | DATABASE | QUEUE | {"requests"},
    "app.gateway": DATABASE | QUEUE | {"requests"},
    "app.management": DATABASE | QUEUE | {"requests"},
    "app.dashboard": DATABASE | QUEUE | {"requests"},
    "app.jobs": FLASK | {"requests"},
}
ONLY_EGRESS_MAY = {"requests", "urllib3"}
ONLY_JOBS_SCHEDULE_MAY = ("app.jobs.schedule", "rq")


def modules() -> list[tuple[str, Path]]:
    """Return every module of the product with its file."""
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    """Return the layer that a module of ours belongs to."""
    name = ".".join(module.split(".")[:2])
    return name if name in ORDER else "app"


@pytest.mark.parametrize(("module", "path"), modules())
def test_imports_point_down_and_keep_away_from_foreign_libraries(module: str, path: Path) -> None:
    names = list(imports(path))
    check_direction(module, names)
    check_libraries(module, names)


def check_direction(module: str, names: list[str]) -> None:
    own = layer(module)
    for name in names:
        if not name.startswith("app.") or layer(name) in (own, "app"):
            continue
        other = layer(name)
        assert ORDER[other] < ORDER[own], f"{module} may not import {name}"
        assert not (own in DOORS and other in DOORS), f"doors never import one another: {module}, {name}"


def check_libraries(module: str, names: list[str]) -> None:
    for name in names:
        library = name.split(".")[0]
        if (module, library) == ONLY_JOBS_SCHEDULE_MAY:
            continue
        assert library not in FORBIDDEN.get(layer(module), set()), f"{module} may not import {name}"
        assert library not in ONLY_EGRESS_MAY or layer(module) == "app.egress", f"{module} imports {name}"


def test_every_module_belongs_to_a_layer() -> None:
    unknown = {layer(module) for module, _ in modules()} - ORDER.keys()
    tops = {".".join(module.split(".")[:2]) for module, _ in modules()}
    assert not unknown and tops <= ORDER.keys(), tops - ORDER.keys()


def test_every_module_says_what_lives_there() -> None:
    silent = [module for module, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []
