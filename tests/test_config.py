"""The settings: defaults, files, and every refusal names its setting and shows no value."""

from __future__ import annotations

import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.config import SETTINGS, ConfigError, Settings, load, socket_path

SECRET = "correct horse battery staple"


def load_in(directory: Path, **values: str) -> Settings:
    return load({"SLUICE_DATA_DIR": str(directory)} | {f"SLUICE_{key}": text for key, text in values.items()})


def test_an_empty_environment_gives_the_embedded_run(tmp_path: Path) -> None:
    settings = load_in(tmp_path)
    assert settings.data_dir == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/sluice.db"
    assert settings.redis_url == f"unix://{tmp_path}/valkey.sock"
    assert settings.embedded_redis is True
    assert settings.timezone == "UTC"
    assert settings.log_content is False
    assert settings.key_prefix == "sk-sluice-"
    assert settings.private_upstreams == frozenset()
    assert settings.code_runner == "off"


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = load_in(tmp_path / "new"), load_in(tmp_path / "new")
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((tmp_path / "new" / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]


def test_everything_set_is_read(tmp_path: Path) -> None:
    settings = load_in(
        tmp_path,
        DATABASE_URL="postgres://sluice:pw@db:5432/sluice",
        REDIS_URL="rediss://cache:6379/1",
        SECRET_KEY=SECRET,
        BASE_URL="https://ai.example.com/",
        SMTP_URL="smtp://user:pw@mail:587",
        MAIL_FROM="Ops <ops@example.com>",
        PRIVATE_UPSTREAMS="localhost:11434, [::1]:8000",
        TRUSTED_PROXIES="10.0.0.0/8,127.0.0.1",
        TIMEZONE="Europe/Berlin",
        LOG_CONTENT="on",
        KEY_PREFIX="sk-acme-",
    )
    assert settings.database_url == "postgresql+psycopg://sluice:pw@db:5432/sluice"
    assert settings.embedded_redis is False
    assert settings.base_url == "https://ai.example.com"
    assert settings.private_upstreams == {("localhost", 11434), ("::1", 8000)}
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"))
    assert settings.log_content is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_spelling_of_postgresql_uses_psycopg(tmp_path: Path, scheme: str) -> None:
    settings = load_in(
        tmp_path, DATABASE_URL=f"{scheme}://db/sluice", REDIS_URL="redis://r", SECRET_KEY=SECRET
    )
    assert settings.database_url == "postgresql+psycopg://db/sluice"


def test_any_setting_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert load_in(tmp_path, SECRET_KEY_FILE=str(tmp_path / "secret")).secret_key == SECRET


def test_a_setting_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SLUICE_TIMEZONE and SLUICE_TIMEZONE_FILE are both set"):
        load_in(tmp_path, TIMEZONE="UTC", TIMEZONE_FILE="/nowhere")


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SLUICE_SECRET_KEY_FILE"):
        load_in(tmp_path, SECRET_KEY_FILE=str(tmp_path / "absent"))


def test_an_unknown_setting_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"SLUICE_TIMEZONES is not a setting.*mean SLUICE_TIMEZONE\?"):
        load_in(tmp_path, TIMEZONES="UTC")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://hunter2@db/x"),
        ("DATABASE_URL", "sqlite:///hunter2.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgresql://db:port/x"),
        ("REDIS_URL", "hunter2:6379"),
        ("REDIS_URL", "unix://"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "changeme"),
        ("SECRET_KEY", "changeme-changeme-changeme"),
        ("SECRET_KEY", "hunter2hunter2"),
        ("SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaa"),
        ("BASE_URL", "hunter2.example.com"),
        ("BASE_URL", "https://user:hunter2@example.com"),
        ("SMTP_URL", "http://hunter2"),
        ("SMTP_URL", "smtp://"),
        ("MAIL_FROM", "hunter2"),
        ("PRIVATE_UPSTREAMS", "hunter2"),
        ("PRIVATE_UPSTREAMS", "hunter2:99999"),
        ("TRUSTED_PROXIES", "hunter2"),
        ("TIMEZONE", "Mars/hunter2"),
        ("TIMEZONE", "../hunter2"),
        ("LOG_CONTENT", "hunter2"),
        ("KEY_PREFIX", "hunter 2"),
        ("KEY_PREFIX", ""),
        ("CODE_RUNNER", "hunter2"),
    ],
)
def test_a_malformed_value_is_refused_and_not_shown(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"SLUICE_{name} is malformed: expected") as caught:
        load_in(tmp_path, **{name: text})
    assert "hunter" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sandbox_that_is_not_there_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="SLUICE_CODE_RUNNER is malformed: there is no bwrap on the PATH"):
        load_in(tmp_path, CODE_RUNNER="bubblewrap")


@pytest.mark.parametrize("own", [{"DATABASE_URL": "postgresql://db/x"}, {"REDIS_URL": "redis://cache"}])
def test_a_run_on_own_servers_needs_a_secret_key(tmp_path: Path, own: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="SLUICE_SECRET_KEY is missing"):
        load_in(tmp_path, **own)


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="SLUICE_DATA_DIR cannot be used: .*file"):
        load_in(tmp_path / "file" / "data")


def test_a_long_data_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    assert socket_path(tmp_path) == tmp_path / "valkey.sock"
    assert len(str(socket_path(deep))) <= 107
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(tmp_path / ("y" * 120))


def test_no_secret_is_in_the_representation(tmp_path: Path) -> None:
    settings = load_in(tmp_path, SECRET_KEY=SECRET, SMTP_URL="smtp://user:hunter2@mail:25")
    assert SECRET not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_every_setting_says_what_it_is_for() -> None:
    for setting in SETTINGS:
        assert setting.meaning.endswith(".")
        assert setting.kind
