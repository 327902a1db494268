"""What of a policy's rules depends on the workspace: its models, its providers and the project's prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.database import database
from app.domain import model_variants
from app.domain.actors import Actor
from app.domain.catalog import EMBEDDING, TEXT, Catalog
from app.domain.errors import Conflict, InvalidFields
from app.domain.model_names import AUTO
from app.domain.policies.rules import PolicyConfig, PolicyRule, parse_policy
from app.models import Alias, Endpoint, EndpointVersion, Policy, PolicyVersion, Provider, Rollout
from app.services import access, model_choices, model_rows, projects

MOST_PROMPTS = 200


@dataclass(frozen=True, slots=True)
class Known:
    """Which names rules may use."""

    catalog: Catalog
    slugs: frozenset[str]  # of the workspace's providers
    names: frozenset[str]  # of their models, without the provider
    aliases: frozenset[str]

    def is_model(self, name: str) -> bool:
        """Say whether a name could stand for a model, of this workspace or of whoever clients call."""
        name = model_variants.base_of(name)
        if name in self.aliases or name.lower() in (AUTO, f"{AUTO}/{TEXT}"):
            return True
        for separator in ("/", ":"):
            slug, found, model = name.partition(separator)
            if found and model and slug.lower() in self.slugs:
                return True
        return name in self.names or self.catalog.find(name.lower()) is not None

    def answers_chats(self, name: str) -> bool:
        """Say whether a model is none of those that are known to make embeddings only."""
        facts = None if name in self.aliases else self.catalog.find(name.lower())
        return facts is None or facts.modality != EMBEDDING

    def is_provider(self, slug: str) -> bool:
        """Say whether there is such a provider, here or anywhere."""
        return slug in self.slugs or slug in self.catalog.vendors


def check(session: Session, workspace_id: str, project_id: str, config: PolicyConfig) -> None:
    """Raise InvalidFields, each error under `rules.<number from 0>.<field>`."""
    known = known_of(session, workspace_id, project_id)
    errors: dict[str, str] = {}
    for number, rule in enumerate(config.rules):
        wrong = wrong_names(rule, known) | wrong_prompt(session, project_id, rule.prompt)
        errors |= {f"rules.{number}.{name}": error for name, error in wrong.items()}
    if errors:
        raise InvalidFields(errors)


def known_of(session: Session, workspace_id: str, project_id: str) -> Known:
    """Return the names that a project's rules may use."""
    catalog = model_rows.known_models(session, workspace_id)
    rows = session.scalars(select(Provider).where(Provider.workspace_id == workspace_id)).all()
    ids = [choice.model_id for row in rows for choice in model_choices.choices_of(catalog, row)]
    mine = or_(Alias.project_id.is_(None), Alias.project_id == project_id)
    aliases = select(Alias.name).where(Alias.workspace_id == workspace_id, mine, Alias.active)
    return Known(
        catalog=catalog,
        slugs=frozenset(row.slug for row in rows),
        names=frozenset(model_id.partition("/")[2] for model_id in ids),
        aliases=frozenset(session.scalars(aliases)),
    )


def wrong_names(rule: PolicyRule, known: Known) -> dict[str, str]:
    """Return what of a rule's models and providers nobody knows, by field."""
    bounds, errors = rule.bounds, {}
    if model := first_wrong(rule.models, known.is_model):
        how = "Name it as provider/model, or add its provider first."
        errors["models"] = f"There is no model “{model}” here. {how}"
    elif model := first_wrong(rule.models, known.answers_chats):
        errors["models"] = f"“{model}” makes embeddings and answers no chat."
    lists = {"providers": bounds.providers, "excluded_providers": bounds.excluded_providers}
    for name, slugs in lists.items():
        if slug := first_wrong(slugs, known.is_provider):
            errors[name] = f"There is no provider “{slug}”."
    return errors


def first_wrong(names: Iterable[str], is_known: Callable[[str], bool]) -> str | None:
    """Return the first name that is not known."""
    return next((name for name in names if not is_known(name)), None)


def list_prompts(actor: Actor, workspace_id: str, project_id: str) -> list[tuple[str, str]]:
    """Return the prompts that a project's rules may name, each with its endpoint's name."""

    def work(session: Session) -> list[tuple[str, str]]:
        access.require(session, actor, workspace_id, "viewer")
        projects.owned(session, workspace_id, project_id)
        query = select(Endpoint).where(Endpoint.project_id == project_id).order_by(Endpoint.slug)
        found = [(row.slug, row.name) for row in session.scalars(query)]
        numbers = (
            select(Endpoint.slug, Endpoint.name, EndpointVersion.number)
            .join(EndpointVersion, EndpointVersion.endpoint_id == Endpoint.id)
            .where(Endpoint.project_id == project_id)
            .order_by(EndpointVersion.number.desc(), Endpoint.slug)
            .limit(MOST_PROMPTS)
        )
        return found + [(f"{slug}@{number}", name) for slug, name, number in session.execute(numbers)]

    return database.read(work)


def wrong_prompt(session: Session, project_id: str, name: str) -> dict[str, str]:
    """Return what is wrong with the endpoint, or its version, whose prompt a rule names."""
    if not name:
        return {}
    slug, _, number = name.partition("@")
    where = Endpoint.project_id == project_id, Endpoint.slug == slug
    endpoint_id = session.scalar(select(Endpoint.id).where(*where))
    if endpoint_id is None:
        return {"prompt": f"This project has no endpoint “{slug}”."}
    version = EndpointVersion.endpoint_id == endpoint_id, EndpointVersion.number == int(number or 1)
    if session.scalar(select(EndpointVersion.id).where(*version)) is None:
        return {"prompt": f"The endpoint “{slug}” has no version {number}."}
    return {}


def check_unnamed(session: Session, endpoint: Endpoint) -> None:
    """Raise Conflict where rules name an endpoint's prompt: versions of policies cannot follow its address.

    Those count that are live, drafted or being rolled out.
    """
    policies = list(session.scalars(select(Policy).where(Policy.project_id == endpoint.project_id)))
    under_way = Rollout.subject_id.in_([row.id for row in policies]), Rollout.ended_at.is_(None)
    ids = {one for row in policies for one in (row.live_version_id, row.draft_version_id) if one}
    ids |= set(session.scalars(select(Rollout.new_version_id).where(*under_way)))
    keys = {row.id: row.key for row in policies}
    for version in session.scalars(select(PolicyVersion).where(PolicyVersion.id.in_(ids))):
        names = {rule.prompt.partition("@")[0] for rule in parse_policy(version.config).rules}
        if endpoint.slug in names:
            text = (
                "The policy “%s” uses this endpoint's prompt by its address. Take it out of its rules first."
            )
            raise Conflict(text % keys[version.policy_id], param="slug")
