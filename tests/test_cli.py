"""bin/sluice as an operator meets it: results on standard output, every refusal in one line."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.cli import main
from app.dashboard.docs import APPLY_EXAMPLE
from app.database import database
from app.domain.actors import SYSTEM
from app.domain.books import CHECKS
from app.domain.errors import InvalidInput
from app.services import examples
from tests.money import USD, make_prepaid
from tests.product import ROOT, environment
from tests.world import World

SECRET = "a secret key that only tests use"


def sluice(data: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run bin/sluice on a data directory of its own."""
    return subprocess.run(
        [ROOT / "bin" / "sluice", *arguments],
        env=environment(DATA_DIR=str(data), **settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
    )


def run(app: Flask, *arguments: str, stdin: str = "") -> str:
    """Run a command in this process and return what it printed."""
    return str(app.test_cli_runner().invoke(args=list(arguments), input=stdin, catch_exceptions=False).output)


def assert_one_line(result: subprocess.CompletedProcess[str], exit_code: int, says: str) -> None:
    assert (result.stdout, result.returncode) == ("", exit_code)
    [line] = result.stderr.strip().splitlines()
    assert says in line


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text("workspaces:\n  - name: Acme\n    projects: [{name: Support, keys: [{name: ci}]}]\n")
    return path


def test_apply_works_before_the_first_run_and_prints_one_json_object(tmp_path: Path, acme: Path) -> None:
    data = tmp_path / "data"
    first, second = (sluice(data, "apply", str(acme)) for _ in range(2))
    assert (first.stderr, first.returncode) == ("", 0)
    report = json.loads(first.stdout)
    assert report["created"] == ["Acme", "Acme/projects/Support", "Acme/projects/Support/keys/ci"]
    assert report["keys"][0]["secret"].startswith("sk-sluice-")
    assert (second.stderr, second.returncode) == ("", 0)
    again = json.loads(second.stdout)
    assert (again["created"], again["changed"], again["keys"]) == ([], [], [])
    assert again["unchanged"] == report["created"]


def test_only_its_owner_may_read_what_a_command_makes(tmp_path: Path) -> None:
    sluice(tmp_path / "data", "migrate")
    assert [path.name for path in (tmp_path / "data").rglob("*") if path.stat().st_mode & 0o077] == []


def test_the_sample_file_applies(tmp_path: Path, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
    monkeypatch.setenv("CI_KEY", "ci-key-0123456789")
    report = json.loads(run(app, "apply", str(ROOT / "examples" / "acme.yaml")))
    assert "Acme/projects/Support/endpoints/summarize" in report["created"]
    minted = [(key["project"], key["name"]) for key in report["keys"]]
    assert minted == [("Support", "website"), ("Support", "customer one")]


def test_the_manuals_example_applies(app: Flask, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
    monkeypatch.setenv("CI_KEY", "ci-key-0123456789")
    example = APPLY_EXAMPLE.replace("ann@example.com", "stranger@other.test")
    assert "Acme/providers/openai" in json.loads(run(app, "apply", "-", stdin=example))["created"]


def test_apply_reads_standard_input(app: Flask) -> None:
    report = json.loads(run(app, "apply", "-", stdin='{"workspaces": [{"name": "Acme"}]}'))
    assert report["created"] == ["Acme"]


def test_export_goes_back_into_apply(app: Flask, world: World) -> None:
    text = run(app, "export", "--workspace", "Acme").replace("${KEY_ACME_SUPPORT_CI}", world.acme.secret)
    report = json.loads(run(app, "apply", "-", stdin=text))
    assert (report["created"], report["changed"]) == ([], [])


def test_prune_shows_first(app: Flask, world: World) -> None:
    stdin = '{"workspaces": [{"name": "Acme", "providers": [{"slug": "demo", "dialect": "demo"}]}]}'
    asked = app.test_cli_runner().invoke(args=["apply", "-", "--prune"], input=stdin)
    assert json.loads(asked.stdout) == {"would_prune": ["Acme/projects/Support"]}
    assert str(asked.exception) == "Nothing was changed. Add --yes to prune what is listed."
    assert json.loads(run(app, "apply", "-", "--prune", "--yes", stdin=stdin))["pruned"] == [
        "Acme/projects/Support"
    ]


def test_an_admin_made_here_can_sign_in(app: Flask, client: FlaskClient) -> None:
    printed = run(app, "create-admin", "Boss@Acme.test", "--name", "Boss", stdin="correct horse battery\n")
    assert printed == "boss@acme.test can sign in now.\n"
    form = {"email": "boss@acme.test", "password": "correct horse battery"}
    assert client.post("/login", data=form).status_code == 303


def test_a_reset_link_opens_the_page_for_a_new_password(
    app: Flask, client: FlaskClient, world: World
) -> None:
    link = run(app, "reset-link", "owner@acme.test", "--base-url", "https://sluice.test/").strip()
    assert re.fullmatch(r"https://sluice\.test/reset/[\w-]{43}", link)
    assert client.get(link.removeprefix("https://sluice.test")).status_code == 200


def test_a_set_up_link_is_printed_until_there_is_an_admin(app: Flask) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/setup/[\w-]{43}\n", run(app, "setup-link"))
    run(app, "create-admin", "boss@acme.test", stdin="correct horse battery\n")
    assert run(app, "setup-link") == ""


def test_help_has_a_line_for_each_command(tmp_path: Path) -> None:
    shown = sluice(tmp_path / "data", "--help", UNKNOWN="1")
    assert shown.returncode == 0
    assert not (tmp_path / "data").exists()
    for name in ("apply", "export", "create-admin", "setup-link", "reset-link", "migrate", "worker"):
        assert re.search(rf"^  {name} +[A-Z].*[^.]\.$", shown.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("nope",), 2, "No such command 'nope'."),
        (("apply",), 2, "Missing argument 'FILE'."),
        (("apply", "/nonexistent.yaml"), 2, "No such file or directory"),
        (("apply", "FILE"), 1, "workspaces[0].colour: There is no such field."),
        (("create-admin", "nobody"), 1, "This is not an e-mail address."),
        (("create-admin", "boss@acme.test"), 1, "10 to 200 characters"),
        (("reset-link", "nobody@acme.test"), 1, "Nobody signs in with this e-mail address."),
        (("export", "--workspace", "Nope"), 1, "There is no workspace of this name."),
        (("audit", "--workspace", "Nobody"), 1, "There is no workspace of this name."),
    ],
)
def test_every_refusal_is_one_line(
    app: Flask,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("workspaces: [{name: Acme, colour: red}]")
    given = [str(wrong) if argument == "FILE" else argument for argument in arguments]
    monkeypatch.setattr("sys.argv", ["bin/sluice", *given])
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    monkeypatch.setattr("os.umask", lambda _: None)
    with pytest.raises(SystemExit) as left:
        main(lambda: app)
    told = capsys.readouterr()
    assert (told.out, left.value.code) == ("", exit_code)
    [line] = told.err.strip().splitlines()
    assert says in line


def test_a_worker_without_redis_is_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sluice(data, "migrate")
    assert_one_line(sluice(data, "worker"), 1, "Redis cannot be reached.")


def test_a_setting_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    result = sluice(tmp_path, "migrate", PRIVATE_UPSTREAM="127.0.0.1:1")
    assert_one_line(result, 1, "SLUICE_PRIVATE_UPSTREAM is not a setting of Sluice.")


def test_a_database_without_tables_is_one_line(tmp_path: Path) -> None:
    assert_one_line(sluice(tmp_path, "export"), 1, "no such table: workspaces")


def test_a_database_that_is_away_is_one_line_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://sluice:hunter2@127.0.0.1:1/sluice"
    result = sluice(tmp_path, "export", DATABASE_URL=url, SECRET_KEY=SECRET)
    assert_one_line(result, 1, "sluice: The database says: connection failed")
    assert "hunter2" not in result.stderr


def test_an_unwritable_data_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert_one_line(sluice(tmp_path / "data", "migrate"), 1, "SLUICE_DATA_DIR cannot be used")


def test_check_asks_the_examples_and_exits_with_1_where_one_fails(app: Flask, world: World) -> None:
    place = world.acme.workspace.id, world.acme.endpoint.id
    said = {"body": {"message": "Hello"}, "expected": {"contains": ["hello"]}}
    examples.create(SYSTEM, *place, {"name": "Greets", **said})
    runner = app.test_cli_runner()
    ambiguous = runner.invoke(args=["check", "hello"])
    assert ambiguous.exit_code == 1 and "Acme/Support, Other/Support" in str(ambiguous.exception)
    fine = runner.invoke(args=["check", "hello", "--workspace", "Acme"], catch_exceptions=False)
    assert (fine.exit_code, fine.stdout) == (0, "passes  Greets\nhello, version 1: all pass.\n")
    examples.create(SYSTEM, *place, {"name": "Sings", **said, "expected": {"contains": ["la la la"]}})
    broken = runner.invoke(args=["check", "hello", "--workspace", "Acme", "--json"])
    told = json.loads(broken.stdout)
    assert (broken.exit_code, told["ok"], told["version"]) == (1, False, 1)
    assert told["examples"][1]["complaints"] == ["The answer does not contain “la la la”."]


def test_audit_says_in_words_that_the_books_are_right(app: Flask, world: World) -> None:
    printed = run(app, "audit")
    assert printed.count("all right") == len(CHECKS) + 1
    assert json.loads(run(app, "audit", "--json", "--workspace", "Acme"))["ok"] is True


def test_audit_names_what_is_wrong_and_exits_with_1(app: Flask, world: World) -> None:
    make_prepaid(world.acme, USD)
    cheat = text("UPDATE accounts SET balance_nano_usd = 3 WHERE balance_nano_usd > 0")
    database.transaction(lambda session: session.execute(cheat))
    result = app.test_cli_runner().invoke(args=["audit"])
    assert result.exit_code == 1
    assert "Acme: account" in result.stdout and "expected: $1.00; found: $0.000000003" in result.stdout
    assert "Nothing was changed." in result.stdout
    found = app.test_cli_runner().invoke(args=["audit", "--json"])
    assert found.exit_code == 1
    [finding] = json.loads(found.stdout)["findings"]
    assert (finding["check"], finding["workspace"]) == ("balance", "Acme")
    assert app.test_cli_runner().invoke(args=["audit", "--workspace", "Other"]).exit_code == 0


def test_an_end_user_is_erased_without_a_browser(app: Flask, client: FlaskClient, world: World) -> None:
    client.post(world.acme.url, json={"message": "Hi", "user": "ann"}, headers=world.acme.headers)
    for requests in (1, 0):
        printed = run(app, "erase-end-user", "Acme", "ann")
        assert printed == f"Erased from {requests} requests; 0 conversations, 0 memories.\n"
    with pytest.raises(InvalidInput, match="There is no workspace “Acne”"):
        run(app, "erase-end-user", "Acne", "ann")
