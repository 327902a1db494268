"""The tables of the manual: errors with their exact texts, what each outcome costs, what roles may do."""

from __future__ import annotations

from flask_babel import gettext as _

from app.domain import errors as e

Row = tuple[str, ...]


def errors() -> list[Row]:
    """Return status, text and meaning of each error on the native routes."""
    return [
        ("400", _("The body is not valid JSON: …"), _("Send one JSON object, as plain UTF-8.")),
        ("400", "This project serves '…' routes; …", _("The project does not offer this kind of route.")),
        ("401", "Missing Bearer token.", _("Send the header Authorization: Bearer and the key.")),
        ("401", "Invalid token format.", _("What was sent cannot be a key: 16 to 200 visible characters.")),
        ("401", e.NotAuthenticated.default, _("The key is unknown, revoked or past its end.")),
        ("403", "Token does not belong to this project.", _("The key is another project's.")),
        ("403", "Missing required scope: '…'. Token has: ….", _("Tick the scope on the key's page.")),
        ("404", "Endpoint not found.", _("The slug is unknown, or the endpoint is switched off.")),
        ("413", e.BodyTooLarge.default, _("At most 10 MB.")),
        ("415", e.UnsupportedEncoding.default, _("The body was compressed.")),
        (
            "422",
            "Send either 'message' (text) or 'messages' (a list), not both.",
            _("Also when both are missing. Other field errors name the field in the same way."),
        ),
        ("502", e.ProviderFailed.default, _("Every model of the endpoint was tried and failed.")),
        ("502", e.ProviderTimedOut.default, _("The last model tried did not answer in time.")),
        ("502", _("No model can answer. …"), _("No provider of the endpoint is on and has a key.")),
        ("503", e.Overloaded.default, _("Restarting, or its database is away. Wait as Retry-After says.")),
    ]


def outcomes() -> list[Row]:
    """Return each outcome, what it means and what is charged for it."""
    return [
        (_("Answered"), _("The model finished."), _("What the provider counted, at the model's price.")),
        (_("Refused"), _("The call was not let in."), _("Nothing.")),
        (_("Failed"), _("No model answered."), _("Nothing: attempts that failed cost you nothing.")),
        (
            _("Client left"),
            _("The client hung up. The provider's request is closed within a second."),
            _("The input, and the output until then. Counted by Sluice if the provider did not say."),
        ),
        (
            _("Cut off"),
            _("The answer began and then broke off. The client gets an error event."),
            _("The input, and what was delivered."),
        ),
        (_("Aborted"), _("The gateway itself failed."), _("What was delivered, if anything.")),
        (
            _("Replayed"),
            _("The stored answer of an earlier call with the same Idempotency-Key."),
            _("Nothing."),
        ),
    ]


def roles() -> list[Row]:
    """Return each role and what it adds to the one before."""
    return [
        (_("Viewer"), _("Sees everything but secrets: projects, requests, receipts, prices, members.")),
        (_("Editor"), _("Also makes and changes projects, endpoints and keys, and uses Try it.")),
        (_("Admin"), _("Also providers and their keys, prices, members, settings and the activity log.")),
        (_("Owner"), _("Also makes other owners. A workspace always has one.")),
        (_("Operator"), _("Runs the installation: makes workspaces and owns every one of them.")),
    ]
