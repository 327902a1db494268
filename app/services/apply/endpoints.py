"""The endpoints of an apply file: a new version only where the content differs."""

from __future__ import annotations

from app.domain import endpoints as domain
from app.domain.fields import switch, text
from app.models import Project
from app.services import endpoints, shared_forms
from app.services.apply.report import Item, Run, refusals_at
from app.services.endpoints import EndpointView

FIELDS = domain.FIELDS | {"slug", "name"}


def apply_endpoint(run: Run, item: Item, project: Project) -> None:
    """Bring one endpoint to what the file says; `note` is kept with a version made now."""
    with refusals_at(item):
        note = text(item.fields, "note", most=500)
        found = find(run, project, item.text("slug"))
        before = state(found) if found else None
        view = save(run, item, project, found, note)
        wanted = switch(item.fields, "active", view.endpoint.active)
        endpoints.set_active(run.actor, run.workspace_id, view.endpoint.id, wanted)
        shared = switch(item.fields, "form_shared", view.endpoint.form_shared)
        shared_forms.share(run.actor, run.workspace_id, view.endpoint.id, shared)
    run.report.note(item.path, created=found is None, changed=state(view) != before)
    run.report.warn_if_off(item, view.endpoint.active)


def save(run: Run, item: Item, project: Project, found: EndpointView | None, note: str) -> EndpointView:
    """Make or change the endpoint."""
    fields = item.only(FIELDS)
    if found is None:
        return endpoints.create(run.actor, run.workspace_id, project.id, fields, note)
    return endpoints.save(run.actor, run.workspace_id, found.endpoint.id, fields, note)


def find(run: Run, project: Project, slug: str) -> EndpointView | None:
    """Return the project's endpoint of that slug."""
    listed = endpoints.list_all(run.actor, run.workspace_id, project.id)
    return next((view for view in listed if view.endpoint.slug == slug), None)


def state(view: EndpointView) -> tuple[str, bool, bool, str]:
    """Return what tells whether anything changed."""
    endpoint = view.endpoint
    return endpoint.name, endpoint.active, endpoint.form_shared, view.version.id
