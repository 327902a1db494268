"""The endpoints of an apply file: a new version only where the content differs."""

from __future__ import annotations

from app.domain import endpoints as domain
from app.domain.endpoints import parse_config
from app.domain.examples import FIELDS as EXAMPLE_FIELDS
from app.domain.fields import switch, text
from app.models import Project
from app.services import endpoint_versions, endpoints, example_runs, examples, publishing, shared_forms
from app.services import rollouts as service
from app.services.apply import rollouts
from app.services.apply.report import Item, Run, refusals_at
from app.services.endpoints import EndpointView
from app.services.rollout_subjects import ENDPOINT

FIELDS = domain.FIELDS | {"slug", "name"}


def apply_endpoint(run: Run, item: Item, project: Project) -> None:
    """Bring one endpoint to what the file says; `note` is kept with a version made now."""
    with refusals_at(item):
        note = text(item.fields, "note", most=500)
        found = find(run, project, item.text("slug"))
        before = state(found) if found else None
        view = save(run, item, project, found, note)
        pin(run, item, view)
        wanted = switch(item.fields, "active", view.endpoint.active)
        endpoints.set_active(run.actor, run.workspace_id, view.endpoint.id, wanted)
        shared = switch(item.fields, "form_shared", view.endpoint.form_shared)
        shared_forms.share(run.actor, run.workspace_id, view.endpoint.id, shared)
    run.report.note(item.path, created=found is None, changed=state(view) != before)
    run.report.warn_if_off(item, view.endpoint.active)
    apply_examples(run, item, view)
    warn(run, item, found, view)


def save(run: Run, item: Item, project: Project, found: EndpointView | None, note: str) -> EndpointView:
    """Make or change the endpoint."""
    fields = item.only(FIELDS)
    if found is None:
        view = endpoints.create(run.actor, run.workspace_id, project.id, fields, note)
        rollouts.set_plan(run, item, ENDPOINT, view.endpoint.id)
        return view
    rollouts.set_plan(run, item, ENDPOINT, found.endpoint.id)
    if found.endpoint.pinned and not switch(item.fields, "pinned", True):
        publishing.set_pinned(run.actor, run.workspace_id, found.endpoint.id, False)
    place = run.workspace_id, found.endpoint.id
    if (rollout := rollouts.taken_back(run, ENDPOINT, found.endpoint.id)) is not None:
        tried = endpoint_versions.find_version(run.actor, *place, rollout.new_number)
        if endpoints.would_be(found, fields) == parse_config(tried.config) != found.config:
            rollouts.warn_taken_back(run, item, rollout)
            fields = item.only(frozenset({"slug", "name"}))
    return endpoints.save(run.actor, *place, fields, note, over_draft=False)


def pin(run: Run, item: Item, view: EndpointView) -> None:
    """Pin what answers once the file's fields are saved, where the file wants that."""
    wanted = switch(item.fields, "pinned", view.endpoint.pinned)
    publishing.set_pinned(run.actor, run.workspace_id, view.endpoint.id, wanted)


def apply_examples(run: Run, item: Item, view: EndpointView) -> None:
    """Bring the saved examples to what the file says; each is told by its name."""
    place = run.workspace_id, view.endpoint.id
    known = {example.name: example for example in examples.list_all(run.actor, *place)}
    for example in item.items("examples", lambda fields: fields["name"].strip()):
        found = known.get(example.text("name"))
        with refusals_at(example):
            before = examples.as_fields(found) if found else None
            fields = {"expected": {}, **example.only(EXAMPLE_FIELDS)}
            if found is None:
                after = examples.create(run.actor, *place, fields)
            else:
                after = examples.update(run.actor, *place, found.id, fields)
        changed = examples.as_fields(after) != before
        run.report.note(example.path, created=found is None, changed=changed)


def warn(run: Run, item: Item, before: EndpointView | None, after: EndpointView) -> None:
    """Say what people should know: a version that waits, one set aside, examples that nobody asked."""
    rollout = service.current(run.actor, run.workspace_id, ENDPOINT, after.endpoint.id)
    rollouts.warn_under_way(run, item, rollout)
    draft, was_draft = after.draft, before.draft if before else None
    if rollout is None and draft is not None and (was_draft is None or was_draft.id != draft.id):
        text = f"{item.path} is pinned to version {after.version.number}: version {draft.number} is a draft."
        run.report.warnings.append(text)
    if was_draft is not None and draft is None:
        text = f"{item.path}: the draft, version {was_draft.number}, is set aside; it stays under Versions."
        run.report.warnings.append(text)
    if before is None or before.version.id == after.version.id:
        return
    place = run.workspace_id, after.endpoint.id, after.version.number
    if not example_runs.standing(run.actor, *place).is_proven:
        text = f"{item.path}: version {after.version.number} answers without having been asked its examples; "
        run.report.warnings.append(text + f"`bin/sluice check {after.endpoint.slug}` asks them.")


def find(run: Run, project: Project, slug: str) -> EndpointView | None:
    """Return the project's endpoint of that slug."""
    listed = endpoints.list_all(run.actor, run.workspace_id, project.id)
    return next((view for view in listed if view.endpoint.slug == slug), None)


def state(view: EndpointView) -> tuple[object, ...]:
    """Return what tells whether anything changed."""
    endpoint = view.endpoint
    switches = endpoint.active, endpoint.form_shared, endpoint.pinned
    ids = view.version.id, view.draft.id if view.draft else None
    return endpoint.name, *switches, *ids, endpoint.rollout_plan
