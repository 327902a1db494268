"""What two versions of a policy say differently, rule by rule in sentences, and line by line as YAML."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from app.dashboard.policy_words import sentence
from app.domain import strict_yaml
from app.domain.policies.rules import PolicyConfig, PolicyRule, parse_policy
from app.domain.version_diffs import FieldChange, Line, compare


def changes(before: PolicyConfig, after: PolicyConfig) -> list[FieldChange]:
    """Return what another version says differently, rule by rule."""
    old, new = ({rule.label: rule for rule in config.rules} for config in (before, after))
    found = [
        change_of(label, old.get(label), new.get(label))
        for label in {**new, **old}
        if old.get(label) != new.get(label)
    ]
    kept = [label for label in old if label in new], [label for label in new if label in old]
    if kept[0] != kept[1]:
        lines = compare(kept[0], kept[1], around=0)
        found.append(FieldChange(gettext("Order of the rules"), list(old), list(new), tuple(lines)))
    return found


def change_of(label: str, old: PolicyRule | None, new: PolicyRule | None) -> FieldChange:
    """Return what became of one rule."""
    titles = {
        (True, False): gettext("Rule “%(label)s” is new", label=label),
        (False, True): gettext("Rule “%(label)s” is gone", label=label),
    }
    title = titles.get((old is None, new is None), gettext("Rule “%(label)s”", label=label))
    before, after = sentence(old) if old else None, sentence(new) if new else None
    lines = [Line(mark, text) for mark, text in (("-", before), ("+", after)) if text is not None]
    return FieldChange(title, before, after, tuple(lines))


def text_changes(before: PolicyConfig, after: PolicyConfig) -> list[Line]:
    """Return the lines of YAML that differ, with what is around them."""
    old, new = (yaml_of(config).splitlines() for config in (before, after))
    return compare(old, new)


def noted(before: Any, after: Any) -> list[tuple[str, str, str]]:
    """Return what the audit log says of changed rules: field, before, after."""
    old, new = (parse_policy({"rules": rules or []}, stored=True) for rules in (before, after))
    nothing = gettext("nothing")
    return [
        (change.field, told_side(change.before, nothing), told_side(change.after, nothing))
        for change in changes(old, new)
    ]


def told_side(value: Any, nothing: str) -> str:
    """Return one side of a change in a line."""
    return ", ".join(value) if isinstance(value, list) else value or nothing


def yaml_of(config: PolicyConfig) -> str:
    """Return rules as a file has them."""
    return strict_yaml.dump(config.as_dict()["rules"]) if config.rules else ""
