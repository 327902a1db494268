"""The rules of a policy as a form of plain sentences, and as YAML: the same data both ways."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from flask_babel import gettext as _

from app.dashboard import forms, policy_words, route_rules
from app.dashboard.route_rules import Clause
from app.domain import strict_yaml
from app.domain.errors import InvalidFields, InvalidInput
from app.domain.policies.conditions import FIELDS, NUMBERS, WORDS
from app.domain.policies.rules import ACTIONS, ALLOW, BLOCK, MOST_MODELS, MOST_RULES, WITH_MODELS, parse_rule
from app.domain.policies.rules import FIELDS as RULE_FIELDS
from app.domain.route_conditions import OPERATORS, SWITCHES

FEW_RULES = 3  # so many are unfolded from the start
LEAST_CLAUSES, LEAST_MODELS = 2, 2
TEXTS = ("label", "max_usd_per_request", "max_input_usd_per_million", "min_quality", "prompt", "message")
BOUNDS = ("max_usd_per_request", "max_input_usd_per_million", "min_quality")
WORD_OPERATORS = ("is", "not")
COMPARED = frozenset(NUMBERS) - frozenset(SWITCHES)
LISTS = ("providers", "excluded_providers")
NAME = re.compile(r"rules\.(\d{1,3})\.label")


@dataclass(slots=True)
class Row:
    """One rule as the form has it. `open`: unfolded; `focus`: what of it has the cursor."""

    label: str = ""
    action: str = ALLOW
    clauses: list[Clause] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    sentence: str = ""
    open: bool = False
    focus: str = ""

    @property
    def is_blank(self) -> bool:
        """Say whether nothing was filled in."""
        filled = (self.label, *self.models, *self.texts.values(), *(each.fact for each in self.clauses))
        return not any(text.strip() for text in filled)

    @property
    def bounded(self) -> bool:
        """Say whether anything of the folded part is set."""
        return any(self.texts.get(name) for name in (*BOUNDS, *LISTS, "prompt"))

    def as_json(self) -> dict[str, Any]:
        """Return the rule as a file has it; what cannot be read stays for the service to refuse."""
        rule: dict[str, Any] = {"label": self.label, "when": when_of(self.clauses), "action": self.action}
        if self.action in WITH_MODELS:
            rule["models"] = self.models
        if self.action == BLOCK:
            return rule | ({"message": self.texts["message"]} if self.texts.get("message") else {})
        texts = {name: self.texts[name] for name in (*BOUNDS, "prompt") if self.texts.get(name)}
        if "min_quality" in texts:
            rule["min_quality"] = route_rules.number(texts.pop("min_quality"))
        lists = {name: separated(self.texts[name]) for name in LISTS if self.texts.get(name)}
        return rule | texts | lists


def facts() -> list[tuple[str, str]]:
    """Return what a condition can be about."""
    named = [(name, str(policy_words.FACTS[name])) for name in FIELDS if name not in SWITCHES]
    switches = [
        ("streaming:yes", str(_("the answer is streamed"))),
        ("streaming:no", str(_("the answer is not streamed"))),
    ]
    return [("", "…"), *named, *switches]


def operators() -> list[tuple[str, str]]:
    """Return how it can be compared: words with the first two, numbers and times with all but the second."""
    numbers = [(name, str(text)) for name, text in route_rules.operators() if name != "eq"]
    return [("is", str(_("is"))), ("not", str(_("is not"))), *numbers]


def when_of(clauses: Iterable[Clause]) -> dict[str, Any]:
    """Return the conditions as a file has them."""
    when: dict[str, Any] = {}
    for clause in clauses:
        name, switch, answer = clause.fact.partition(":")
        if switch:
            when[name] = answer == "yes"
        elif name in WORDS:
            values = separated(clause.value)
            when[name] = {"not": values} if clause.operator == "not" else values
        elif name:
            operator = {"is": "eq"}.get(clause.operator, clause.operator)
            when.setdefault(name, {})[operator] = route_rules.value_of(Clause(name, operator, clause.value))
    return when


def separated(typed: str) -> list[str]:
    """Return what stands between commas; a value with a comma stands in double quotes."""
    cells = next(csv.reader([typed.replace("\n", " ")], skipinitialspace=True), [])
    return [cell.strip() for cell in cells if cell.strip()]


def joined(values: Iterable[str]) -> str:
    """Return values as they are typed."""
    return ", ".join(quoted(value) if "," in value or value[:1] == '"' else value for value in values)


def quoted(value: str) -> str:
    """Return a value in double quotes."""
    return '"' + value.replace('"', '""') + '"'


def rows_of(rules: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return rules of a file as the form has them."""
    return [row_of(rule) for rule in rules]


def row_of(rule: Mapping[str, Any]) -> Row:
    """Return one rule as the form has it; raise InvalidInput for what it has no field for."""
    when = rule.get("when") or {}
    if not rule.keys() <= RULE_FIELDS or not when.keys() <= set(FIELDS):
        raise no_field()
    texts = {name: str(rule[name]) for name in TEXTS if name != "label" and name in rule}
    texts |= {name: joined(rule[name]) for name in LISTS if name in rule}
    return Row(
        label=str(rule.get("label") or ""),
        action=str(rule.get("action", ALLOW)).upper(),
        clauses=[clause for name, value in when.items() for clause in clauses_of(name, value)],
        models=[str(model) for model in rule.get("models", ())],
        texts=texts,
    )


def no_field() -> InvalidInput:
    """Return the error of what a file says and the form cannot."""
    message = _("The form has no field for something that stands here. Correct it, or go on as YAML.")
    return InvalidInput(str(message), param="rules_yaml")


def clauses_of(name: str, value: Any) -> list[Clause]:
    """Return the conditions on one fact."""
    if name in WORDS:
        operator, values = ("not", value["not"]) if isinstance(value, Mapping) else ("is", value)
        typed = joined([values] if isinstance(values, str) else values)
        return [Clause(name, operator, typed.lower() if name == "trial_status" else typed)]
    given = value if isinstance(value, Mapping) else {"eq": value}
    if not given.keys() <= set(OPERATORS):
        raise no_field()
    found = route_rules.clauses_of(name, given["eq"] if name in SWITCHES else given)
    return [Clause(each.fact, "is" if each.operator == "eq" else each.operator, each.value) for each in found]


def typed_rows() -> list[Row]:
    """Return the submitted rules in their order, blank ones too."""
    found = (NAME.fullmatch(name) for name in request.form)
    numbers = sorted(int(match[1]) for match in found if match)
    return [typed_row(f"rules.{number}.") for number in numbers[: MOST_RULES + 1]]


def typed_row(start: str) -> Row:
    """Return one submitted rule."""
    columns = [forms.many(start + part) for part in ("fact", "operator", "value")]
    action = forms.text(f"{start}action")
    return Row(
        label=forms.text(f"{start}label").strip(),
        action=action if action in ACTIONS else ALLOW,
        clauses=[Clause(*parts) for parts in zip(*columns, strict=False) if parts[0]],
        models=[model.strip() for model in forms.many(f"{start}models") if model.strip()],
        texts={name: text_of(start, name) for name in (*TEXTS[1:], *LISTS)},
    )


def text_of(start: str, name: str) -> str:
    """Return one submitted field as the service takes it."""
    return forms.amount(start + name) if "_usd_" in name else forms.text(start + name).strip()


def shown(rows: list[Row], errors: Mapping[str, str]) -> list[Row]:
    """Return the rules with room for more, unfolded where there is something to do; a blank one for none."""
    rows = rows or [Row()]
    for number, row in enumerate(rows):
        wrong = any(name.startswith(f"rules.{number}.") for name in errors)
        row.open = wrong or row.is_blank or bool(row.focus) or len(rows) <= FEW_RULES
        row.sentence = "" if wrong else sentence_of(row)
        room = max(LEAST_CLAUSES, len(row.clauses) + 1)
        row.clauses = [*row.clauses, *(Clause() for _n in range(room - len(row.clauses)))]
        room = min(MOST_MODELS, max(LEAST_MODELS, len(row.models) + 1))
        row.models = [*row.models, *[""] * (room - len(row.models))]
    return rows


def sentence_of(row: Row) -> str:
    """Return a rule in words; empty while it cannot be read."""
    try:
        return policy_words.sentence(parse_rule(row.as_json(), "rule"))
    except InvalidInput:
        return ""


def read() -> list[Any]:
    """Return the submitted rules as the service takes them; raise InvalidInput."""
    if "rules_yaml" in request.form:
        return read_yaml(forms.text("rules_yaml"))
    rows = [row for row in typed_rows() if not row.is_blank]
    wrong = enumerate(wrong_clauses(row) for row in rows)
    errors = {f"rules.{number}.{name}": text for number, found in wrong for name, text in found.items()}
    if errors:
        raise InvalidFields(errors)
    return [row.as_json() for row in rows]


def wrong_clauses(row: Row) -> dict[str, str]:
    """Return what is wrong with conditions that a file could not even say, by field."""
    errors: dict[str, str] = {}
    said: set[tuple[str, str]] = set()
    for each in row.clauses:
        name = each.fact.partition(":")[0]
        once = (name, each.operator if name in COMPARED else "")
        wrong = misfit(name, each.operator)
        if once in said:
            wrong = _("“%(fact)s” is there twice: put all that it may be into one condition.")
        if wrong:
            errors[f"when.{name}"] = str(wrong) % {"fact": policy_words.FACTS.get(name, name)}
        said.add(once)
    return errors


def misfit(name: str, operator: str) -> str:
    """Return how a fact can be compared, where it is compared otherwise."""
    if name in WORDS and operator not in WORD_OPERATORS:
        return str(_("“%(fact)s” can be compared with “is” and “is not”."))
    if name in COMPARED and operator == "not":
        return str(_("“%(fact)s” can be compared with all but “is not”."))
    return ""


def read_yaml(text: str) -> list[Any]:
    """Return rules written as YAML; raise InvalidInput."""
    try:
        found = strict_yaml.load(text) or []
    except strict_yaml.YamlError as error:
        raise InvalidInput(str(error), param="rules_yaml") from None
    if isinstance(found, Mapping):
        found = found.get("rules") or []
    if not isinstance(found, list) or not all(isinstance(rule, Mapping) for rule in found):
        raise InvalidInput(str(_("Write a list of rules, each with a label.")), param="rules_yaml")
    return found
