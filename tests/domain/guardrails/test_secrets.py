"""Secrets: every kind is found where it stands and nowhere else."""

from __future__ import annotations

import random
import string

import pytest

from app.domain.guardrails.rules import effective
from app.domain.guardrails.screens import screen
from app.domain.guardrails.secrets import secret_kinds
from tests.domain.guardrails.screening import found, masked, screen_of

DICE = random.Random(5)


def some(size: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return random characters, always the same."""
    return "".join(DICE.choices(alphabet, k=size))


def hexes(size: int) -> str:
    """Return random hexadecimal digits."""
    return some(size, "0123456789abcdef")


UPPER = string.ascii_uppercase + "234567"
BODY = "\n".join(some(64) for _ in range(20))
# kind → what is found, and where it stands ({} is the place)
SAMPLES = {
    "sluice": (f"sk-sluice-{some(43)}", "{}"),
    "aws_access_key": (f"AKIA{some(16, UPPER)}", "id {}"),
    "aws_secret_key": (some(40), 'AWS_SECRET_ACCESS_KEY="{}"'),
    "github": (f"ghp_{some(36)}", "token {}"),
    "github_fine": (f"github_pat_{some(22)}_{some(59)}", "{}"),
    "gitlab": (f"glpat-{some(20)}", "{}"),
    "slack": (f"xoxb-{some(12, '0123456789')}-{some(24)}", "{}"),
    "slack_webhook": (f"hooks.slack.com/services/T{some(8)}/B{some(8)}/{some(24)}", "https://{}"),
    "stripe_live": (f"sk_live_{some(24)}", "{}"),
    "stripe_test": (f"rk_test_{some(24)}", "{}"),
    "stripe_webhook": (f"whsec_{some(32)}", "{}"),
    "openai": (f"sk-proj-{some(48)}", "Bearer of {}"),
    "anthropic": (f"sk-ant-api03-{some(60)}", "{}"),
    "openrouter": (f"sk-or-v1-{hexes(64)}", "{}"),
    "groq": (f"gsk_{some(52)}", "{}"),
    "xai": (f"xai-{some(80)}", "{}"),
    "perplexity": (f"pplx-{some(48)}", "{}"),
    "replicate": (f"r8_{some(37)}", "{}"),
    "hugging_face": (f"hf_{some(34)}", "{}"),
    "google_api": (f"AIza{some(35)}", "key={}"),
    "google_oauth": (f"GOCSPX-{some(28)}", "{}"),
    "google_service_account": (hexes(40), '"private_key_id": "{}"'),
    "azure_storage": (f"{some(86)}==", "AccountName=x;AccountKey={};"),
    "azure_client": (f"{some(3)}8Q~{some(34)}", "{}"),
    "azure_signature": (f"{some(43)}%3D", "https://x.blob.core.windows.net/?sv=1&sig={}"),
    "twilio": (f"SK{hexes(32)}", "{}"),
    "sendgrid": (f"SG.{some(22)}.{some(43)}", "{}"),
    "mailgun": (f"key-{hexes(32)}", "{}"),
    "mailchimp": (f"{hexes(32)}-us12", "{}"),
    "npm": (f"npm_{some(36)}", "{}"),
    "pypi": (f"pypi-AgEIcHlwaS5vcmc{some(60)}", "{}"),
    "rubygems": (f"rubygems_{hexes(48)}", "{}"),
    "docker": (f"dckr_pat_{some(27)}", "{}"),
    "digitalocean": (f"dop_v1_{hexes(64)}", "{}"),
    "heroku": (f"HRKU-{some(60)}", "{}"),
    "shopify": (f"shpat_{hexes(32)}", "{}"),
    "square": (f"sq0atp-{some(22)}", "{}"),
    "telegram": (f"{some(10, '123456789')}:AA{some(33)}", "bot {}"),
    "discord": (f"M{some(23)}.{some(6)}.{some(27)}", "{}"),
    "discord_webhook": (f"discord.com/api/webhooks/{some(18, '123456789')}/{some(68)}", "https://{}"),
    "databricks": (f"dapi{hexes(32)}", "{}"),
    "vault": (f"hvs.{some(90)}", "{}"),
    "linear": (f"lin_api_{some(40)}", "{}"),
    "notion": (f"ntn_{some(46)}", "{}"),
    "new_relic": (f"NRAK-{some(27, UPPER)}", "{}"),
    "grafana": (f"glsa_{some(32)}_{hexes(8)}", "{}"),
    "postman": (f"PMAK-{hexes(24)}-{hexes(34)}", "{}"),
    "airtable": (f"pat{some(14)}.{hexes(64)}", "{}"),
    "atlassian": (f"ATATT3{some(180)}", "{}"),
    "jwt": (f"eyJ{some(20)}.eyJ{some(1500)}.{some(43)}", "{}"),
    "private_key": (f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----", "{}"),
    "ssh_key": (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----", "{}"),
    "pgp_key": (
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{BODY}"
        "\n-----END PGP PRIVATE KEY BLOCK-----",
        "{}",
    ),
    "database_url": (some(12), "postgresql+psycopg://app:{}@db.internal:5432/shop"),
    "url_password": (some(12), "https://deploy:{}@git.example.com/repo.git"),
    "basic_auth": ("ZGVwbG95OmMwcnJlY3QtaDByc2U=", "Authorization: Basic {}"),
    "password": ("c0rrect-h0rse!", 'password = "{}"'),
}  # fmt: skip


def test_there_is_a_sample_of_every_kind() -> None:
    assert SAMPLES.keys() == secret_kinds().keys()
    assert len(SAMPLES) >= 28


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("frame", ["{}", "Look: {} !", "“{}”", "a\n{}\nb"])
def test_each_kind_is_found_in_whole_by_its_own_detector(kind: str, frame: str) -> None:
    secret, place = SAMPLES[kind]
    text = frame.replace("{}", place).replace("{}", secret)
    assert found({"secrets": {"kinds": [kind]}}, text) == [(secret_kinds()[kind], secret)]


@pytest.mark.parametrize("kind", SAMPLES)
def test_with_all_kinds_on_a_secret_leaves_nothing_behind(kind: str) -> None:
    secret, place = SAMPLES[kind]
    texts, _ = masked({"secrets": {"action": "mask"}}, place.replace("{}", secret))
    assert secret not in texts[0] and secret[-8:] not in texts[0]
    assert "[Secret REDACTED]" in texts[0]


@pytest.mark.parametrize(
    "text",
    [
        "Set AWS_SECRET_ACCESS_KEY in your environment.",
        "password: ${DB_PASSWORD}",
        "password = <your password>",
        'password = "changeme"',
        "My password is secret.",
        "token: string",
        "The secret: practise every day",
        "api_key = os.environ['API_KEY']",
        "The token count is 123456789012.",
        "sk-short",
        "AKIA123",
        "git commit 3f2a9c1d4e5b6a7f8091a2b3c4d5e6f708192a3b",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "https://example.com:8080/path?x=1@2",
        "postgresql://db.internal/shop",
        "postgresql://user:password@localhost/shop",
        "https://user:<token>@example.com/",
        "eyJhbGciOiJIUzI1NiJ9 is only the head of a token",
        "-----BEGIN PUBLIC KEY-----\nMFww\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "basic instructions for beginners",
        "Bearer authentication-scheme-of-the-web",
        "ghp_ is how classic tokens begin",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert found({"secrets": {}}, text) == []


def test_keys_of_this_gateway_are_found_by_the_prefix_that_is_set() -> None:
    rules = effective({"secrets": {"kinds": ["sluice"]}})
    key = f"acme.key-{some(43)}"
    assert [each.end for each in screen(rules, "input", "acme.key-").scan([key]).findings] == [len(key)]
    assert not screen(rules, "input", "other-").scan([key]).findings


def test_findings_never_carry_what_was_found() -> None:
    secret, place = SAMPLES["github"]
    assert secret not in repr(screen_of({"secrets": {}}).scan([place.replace("{}", secret)]))
