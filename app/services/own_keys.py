"""Keys of the customer's own: a call is made with them and paid at the provider, not here (A31, R18, C26)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.callers import Caller
from app.domain.calls import Call
from app.domain.errors import InvalidRequest, NoCandidate, OwnKeyRefused
from app.domain.targets import Candidate, CredentialValue, Skipped, Target

SENT = "the key sent with the call"
LONGEST = 1_000


def attach(target: Target, caller: Caller, call: Call) -> Target:
    """Return the target as the caller's own keys change it: they come in place of ours.

    One sent with the call wins over one kept with the key (narrowest first). Ours follow only where the
    project wants that. What only lacked a key can be called now.
    """
    if (call.own_secrets or caller.own_credentials) and call.shadowed is None:  # that one costs them nothing
        target = opened(target, owned(caller, call))
    if target.forwards and not has_key(target.candidates[0]):
        raise NoCandidate
    return target


def has_key(candidate: Candidate) -> bool:
    """Say whether there is anything to call a provider with."""
    return bool(candidate.credentials) or candidate.dialect == "demo"


def owned(caller: Caller, call: Call) -> dict[str, CredentialValue]:
    """Return the caller's own keys by the provider's slug as headers spell it."""
    kept = {spelled(slug): value for slug, value in caller.own_credentials}
    return kept | {name: sent(name, secret) for name, secret in call.own_secrets.items()}


def spelled(slug: str) -> str:
    """Return a slug as it stands in a header's name: in any case, with dashes for underscores."""
    return slug.lower().replace("_", "-")


def sent(name: str, secret: str) -> CredentialValue:
    """Return a key that came in a header; it is neither stored nor shown anywhere."""
    if not secret.isascii() or not secret.isprintable() or " " in secret or not 0 < len(secret) <= LONGEST:
        raise InvalidRequest(f"The header x-byok-{name} holds no key.", param=f"x-byok-{name}")
    return CredentialValue("", SENT, secret, own=True)


def opened(target: Target, own: dict[str, CredentialValue]) -> Target:
    """Return the target with the own keys in it, the models that they open in their places."""
    keyless = [item.keyless for item in target.skipped if item.keyless is not None]
    added = [candidate for candidate in keyless if spelled(candidate.provider_slug) in own]
    if not added and not any(spelled(each.provider_slug) in own for each in everybody(target)):
        return target
    names = (target.config.model, *target.config.failover)
    places = {name: number for number, name in enumerate(names)}
    chain = sorted((*target.candidates, *added), key=lambda each: places.get(each.model_id, len(names)))
    ids = {candidate.model_id for candidate in added}
    return replace(
        target,
        candidates=with_keys(chain, own, target),
        siblings=with_keys(target.siblings, own, target),
        skipped=tuple(item for item in target.skipped if item.model_id not in ids),
    )


def everybody(target: Target) -> tuple[Candidate, ...]:
    """Return who may answer, and who stands in for them."""
    return (*target.candidates, *target.siblings)


def with_keys(
    candidates: Iterable[Candidate], own: dict[str, CredentialValue], target: Target
) -> tuple[Candidate, ...]:
    """Return the candidates, those at the providers of the own keys with these."""
    return tuple(with_key(candidate, own, target) for candidate in candidates)


def with_key(candidate: Candidate, own: dict[str, CredentialValue], target: Target) -> Candidate:
    """Return a candidate with the own key for its provider, if there is one."""
    value = own.get(spelled(candidate.provider_slug))
    if value is None or candidate.dialect == "demo":
        return candidate
    ours = candidate.credentials if target.gateway.byok_fallback else ()
    return replace(candidate, credentials=(value, *ours))


def kept_skips(skipped: list[Skipped], caller: Caller, call: Call, most: int) -> tuple[Skipped, ...]:
    """Return the first of them to show; all of them where own keys may open some."""
    return tuple(skipped if call.own_secrets or caller.own_credentials else skipped[:most])


def check_refusal(candidate: Candidate, credential: CredentialValue) -> None:
    """Raise when the provider refused a key of the customer's own, and none of ours may follow."""
    if not credential.own or not candidate.is_own:
        return
    raise OwnKeyRefused(
        f"{candidate.provider_name} does not take {credential.name}. Check it, or take it away: then this"
        " gateway's own key is used.",
        param=f"x-byok-{candidate.provider_slug}" if credential.name == SENT else None,
    )
