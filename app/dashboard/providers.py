"""Providers: which models can be reached, in what state, and adding one from a vendor or an address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as BaseResponse

from app.dashboard import forms, pages
from app.dashboard.auth import actor
from app.domain.catalog import Vendor
from app.domain.errors import Conflict, InvalidInput
from app.domain.pricing import format_usd
from app.services import catalog, credentials, pauses, projects, provider_health, providers

blueprint = Blueprint("providers", __name__, url_prefix="/w/<workspace>/providers")
CUSTOM = "custom"  # any address that speaks a dialect we know


@blueprint.get("")
def index() -> Response:
    """List the providers."""
    rows = providers.overview(actor(), g.workspace.id)
    down = provider_health.circuits(view.provider for view in rows)
    return pages.page("providers/index.html", providers=rows, down=down, usd=format_usd)


@blueprint.get("/new")
def new() -> Response:
    """Let the person choose a vendor, then ask for the rest."""
    forms.require("admin")
    chosen = request.args.get("vendor")
    if chosen is None:
        return pages.page("providers/new.html", vendors=vendors(), counts=model_counts())
    return form_page(first_values(vendor_of(chosen)), vendor=vendor_of(chosen))


@blueprint.post("")
def create() -> BaseResponse:
    """Add a provider with its first key."""
    fields, secret = form_fields(request.form), request.form.get("secret", "").strip()
    try:
        made = credentials.create_with_provider(actor(), g.workspace.id, fields, secret)
    except (InvalidInput, Conflict) as error:
        return form_page(fields, pages.errors_of(error), vendor=vendor_of(fields["vendor"]))
    return pages.see("providers.show", _("%(name)s is added.", name=made.name), provider=made.id)


@blueprint.get("/<uuid:provider>")
def show(provider: UUID) -> Response:
    """Show one provider and its keys."""
    return show_page(str(provider))


@blueprint.get("/<uuid:provider>/edit")
def edit(provider: UUID) -> Response:
    """Show the form of a provider."""
    forms.require("admin")
    row = providers.find(actor(), g.workspace.id, str(provider))
    return form_page(providers.as_fields(row), row=row)


@blueprint.post("/<uuid:provider>")
def update(provider: UUID) -> BaseResponse:
    """Save the form of a provider."""
    row = providers.find(actor(), g.workspace.id, str(provider))
    fields = {**form_fields(request.form), "slug": row.slug, "active": row.active}
    try:
        providers.update(actor(), g.workspace.id, row.id, fields)
    except (InvalidInput, Conflict) as error:
        return form_page(fields, pages.errors_of(error), row=row)
    return pages.see("providers.show", _("%(name)s is saved.", name=fields["name"]), provider=provider)


@blueprint.post("/<uuid:provider>/switch")
def switch(provider: UUID) -> BaseResponse:
    """Switch a provider on or off."""
    active = request.form.get("active") == "1"
    row = providers.set_active(actor(), g.workspace.id, str(provider), active)
    text = _("%(name)s is switched on.") if active else _("%(name)s is switched off. Calls skip it.")
    return pages.see("providers.show", text % {"name": row.name}, provider=provider)


@blueprint.post("/<uuid:provider>/pause")
def pause(provider: UUID) -> BaseResponse:
    """Pause a provider, or reactivate it."""
    paused = request.form.get("paused") == "1"
    row = (pauses.pause if paused else pauses.resume)(actor(), g.workspace.id, str(provider))
    text = _("%(name)s is paused.") if paused else _("%(name)s is reactivated.")
    return pages.see("providers.show", text % {"name": row.name}, provider=provider)


def show_page(
    provider_id: str, values: dict[str, Any] | None = None, errors: dict[str, str] | None = None
) -> Response:
    """Render a provider with its keys, and the form for another key as it was typed."""
    workspace_id = g.workspace.id
    choices = projects.list_all(actor(), workspace_id)
    view = providers.view(actor(), workspace_id, provider_id)
    return pages.page(
        "providers/show.html",
        status=422 if errors else 200,
        view=view,
        down=provider_health.circuits([view.provider]),
        provider=view.provider,
        vendor=catalog.shipped().vendors.get(view.provider.vendor),
        credentials=credentials.list_all(actor(), workspace_id, provider_id),
        projects=choices,
        project_options=[(row.id, _("Only %(project)s", project=row.name)) for row in choices],
        values=values or {},
        errors=errors or {},
        usd=format_usd,
    )


def form_page(
    values: dict[str, Any],
    errors: dict[str, str] | None = None,
    vendor: Vendor | None = None,
    row: Any = None,
) -> Response:
    """Render the form of a new provider (of a vendor, or any) or of an existing one (`row`)."""
    kept = credentials.list_all(actor(), g.workspace.id, row.id) if row else []
    return pages.page(
        "providers/form.html",
        status=422 if errors else 200,
        values=values,
        errors=errors or {},
        vendor=vendor,
        provider=row,
        credential_count=sum(bool(credential.sealed) for credential in kept),
        vendor_options=[("", _("No vendor: I set prices myself")), *((v.slug, v.name) for v in vendors())],
    )


def form_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the form as the service takes it."""
    names = ("slug", "name", "dialect", "base_url", "vendor")
    fields: dict[str, Any] = {name: form.get(name, "") for name in names}
    amounts = {name: forms.amount(name) for name in ("alert_usd_per_day", "stop_usd_per_day")}
    return {**fields, **amounts, "zdr": "zdr" in form, "may_train": "may_train" in form}


def first_values(vendor: Vendor | None) -> dict[str, Any]:
    """Return what the form of a new provider starts with; the slug is one that is free."""
    if vendor is None:
        return {"dialect": "openai"}
    taken = {view.provider.slug for view in providers.overview(actor(), g.workspace.id)}
    slugs = (vendor.slug if n == 1 else f"{vendor.slug}-{n}" for n in range(1, len(taken) + 2))
    values = {name: getattr(vendor, name) for name in ("name", "dialect", "base_url", "zdr", "may_train")}
    return {**values, "vendor": vendor.slug, "slug": next(slug for slug in slugs if slug not in taken)}


def vendors() -> list[Vendor]:
    """Return the vendors of the catalog; the demo is in every workspace already."""
    return [vendor for vendor in catalog.shipped().vendors.values() if vendor.dialect != "demo"]


def vendor_of(slug: str) -> Vendor | None:
    """Return the vendor of this slug; None for any other address."""
    return next((vendor for vendor in vendors() if vendor.slug == slug), None)


def model_counts() -> dict[str, int]:
    """Return how many models each vendor has in the catalog."""
    return {vendor.slug: len(catalog.shipped().list(vendor.slug)) for vendor in vendors()}
