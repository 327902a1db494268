"""The policies of an apply file, told by their key: a new version only where the rules differ."""

from __future__ import annotations

from app.domain.fields import switch, text
from app.domain.policies.rules import parse_policy
from app.models import Project
from app.services import policies, policy_versions
from app.services.apply import rollouts
from app.services.apply.report import Item, Run, refusals_at
from app.services.policies import PolicyView
from app.services.rollout_subjects import POLICY

FIELDS = frozenset({"key", "name", "rules"})


def apply_policies(run: Run, item: Item, project: Project) -> None:
    """Bring a project's policies to what the file says."""
    for policy in item.items("policies", lambda fields: fields["key"].strip().lower()):
        apply_policy(run, policy, project)


def apply_policy(run: Run, item: Item, project: Project) -> None:
    """Make or change one policy; fields that the file leaves out stay as they are."""
    with refusals_at(item):
        found = find(run, project, item.text("key").lower())
        before = state(found) if found else None
        note = text(item.fields, "note", most=500)
        view = save(run, item, project, found, note)
        wanted = switch(item.fields, "active", view.policy.active)
        view = policies.set_active(run.actor, run.workspace_id, view.policy.id, wanted)
    run.report.note(item.path, created=found is None, changed=state(view) != before)
    run.report.warn_if_off(item, view.policy.active)
    warn(run, item, found, view)


def save(run: Run, item: Item, project: Project, found: PolicyView | None, note: str) -> PolicyView:
    """Make the policy, or change its name and what it says; the draft of a person is not published."""
    fields = item.only(FIELDS)
    if found is None:
        view = policies.create(run.actor, run.workspace_id, project.id, fields, note)
        rollouts.set_plan(run, item, POLICY, view.policy.id)
        return view
    rollouts.set_plan(run, item, POLICY, found.policy.id)
    place, rules = (run.workspace_id, found.policy.id), fields.pop("rules", None)
    view = policies.save(run.actor, *place, fields, live=False)
    if rules is None or says_so(found, rules) or was_taken_back(run, item, found, rules):
        return view
    return policies.save(run.actor, *place, {"rules": rules}, note)


def says_so(view: PolicyView, rules: object) -> bool:
    """Say whether these rules are live already, or being rolled out."""
    config, rollout, draft = parse_policy({"rules": rules}), view.rollout, view.draft
    is_coming = rollout is not None and draft is not None and rollout.new_version_id == draft.id
    return config == view.config or (is_coming and config == view.draft_config)


def was_taken_back(run: Run, item: Item, view: PolicyView, rules: object) -> bool:
    """Say, to the report as well, whether these rules were rolled back just before."""
    rollout = rollouts.taken_back(run, POLICY, view.policy.id)
    if rollout is None:
        return False
    place = run.workspace_id, view.policy.id
    tried = policy_versions.find_version(run.actor, *place, rollout.new_number)
    if parse_policy({"rules": rules}) != parse_policy(tried.config):
        return False
    rollouts.warn_taken_back(run, item, rollout)
    return True


def warn(run: Run, item: Item, before: PolicyView | None, after: PolicyView) -> None:
    """Say what people should know: a version that is rolled out step by step, a draft that was set aside."""
    rollout, draft = after.rollout, before.draft if before else None
    if rollout is not None:
        rollouts.warn_under_way(run, item, rollout)
    elif draft is not None and after.draft is None and draft.id != after.version.id:
        text = f"{item.path}: the draft, version {draft.number}, is set aside; it stays under Versions."
        run.report.warnings.append(text)


def find(run: Run, project: Project, key: str) -> PolicyView | None:
    """Return the project's policy of that key."""
    listed = policies.list_all(run.actor, run.workspace_id, project.id)
    return next((view for view in listed if view.policy.key == key), None)


def state(view: PolicyView) -> tuple[object, ...]:
    """Return what tells whether anything changed."""
    policy, draft = view.policy, view.draft
    ids = view.version.id, draft.id if draft else None
    return policy.name, policy.active, *ids, policy.rollout_plan
