"""Mails: sent through the operator's own server (SLUICE_SMTP_URL), with short time limits."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 10.0  # for each step of the exchange
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"smtp": 25, "smtps": 465}
LONGEST_ANSWER = 200


class MailFailed(Exception):
    """The mail was not taken; the text is the server's answer. `final`: asking again would not help."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed in. On this machine nothing is encrypted; elsewhere whenever it can be."""

    host: str
    port: int
    tls: bool
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_here(self) -> bool:
        return self.host in LOOPBACK


@dataclass(slots=True)
class Office:
    """The mail settings of this process; without a server nothing is sent."""

    server: Server | None = None
    sender: str = ""
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the server said: who gets the mail, who was refused for good, and who only for now."""

    accepted: list[str]
    refused: dict[str, str]
    later: dict[str, str]
    answer: str


office = Office()


def configure(smtp_url: str, sender: str, base_url: str) -> None:
    """Take over the settings."""
    office.server = parse(smtp_url) if smtp_url else None
    office.sender, office.base_url = sender, base_url


def parse(smtp_url: str) -> Server:
    """Return the server of an smtp:// or smtps:// URL."""
    parts = urlsplit(smtp_url)
    return Server(
        host=parts.hostname or "",
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def compose(message_id: str, recipients: Sequence[str], subject: str, text: str, html: str) -> EmailMessage:
    """Return a mail in plain text and HTML. Its id, made from `message_id`, is the same at each try."""
    message = EmailMessage()
    message["From"] = office.sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@{urlsplit(office.base_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    return message


def send(message: EmailMessage, recipients: Sequence[str]) -> Delivery:
    """Hand the mail in; raise MailFailed when nobody gets it."""
    if office.server is None:
        raise MailFailed("No mail server is set (SLUICE_SMTP_URL).", final=True)
    try:
        return hand_in(office.server, message, recipients)
    except smtplib.SMTPResponseException as error:
        raise MailFailed(words(error.smtp_code, error.smtp_error)) from None
    except smtplib.SMTPNotSupportedError:
        raise MailFailed("The mail server takes no user and password.") from None
    except smtplib.SMTPServerDisconnected:
        raise MailFailed("The mail server hung up.") from None
    except ssl.SSLError as error:
        raise MailFailed(f"No safe connection to the mail server: {error.reason or 'TLS failed'}.") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MailFailed(f"The mail server cannot be reached: {reason}.") from None
    except ValueError:
        raise MailFailed("The mail server cannot take one of these addresses.", final=True) from None


def hand_in(server: Server, message: EmailMessage, recipients: Sequence[str]) -> Delivery:
    """Connect, greet, sign in, and hand in."""
    smtp = connect(server)
    try:
        delivery = exchange(smtp, message, recipients)
    except BaseException:
        smtp.close()
        raise
    leave(smtp)
    return delivery


def connect(server: Server) -> smtplib.SMTP:
    """Return a connection that is ready to take mails."""
    safe = ssl.create_default_context()
    if server.tls:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=safe)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        encrypted = server.tls or (not server.is_here and secure(smtp, safe))
        if server.user:
            if not encrypted and not server.is_here:
                raise MailFailed("The mail server offers no encryption, so no password was sent to it.")
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def secure(smtp: smtplib.SMTP, safe: ssl.SSLContext) -> bool:
    """Encrypt from here on if the server offers it; say whether it does."""
    if not smtp.has_extn("starttls"):
        return False
    smtp.starttls(context=safe)
    smtp.ehlo()
    return True


def exchange(smtp: smtplib.SMTP, message: EmailMessage, recipients: Sequence[str]) -> Delivery:
    """Hand in one mail for those recipients whom the server takes."""
    expect(*smtp.mail(parseaddr(office.sender)[1]))
    refused: dict[str, str] = {}
    later: dict[str, str] = {}
    for address in recipients:
        code, answer = smtp.rcpt(address)
        if code >= 300:
            (refused if code >= 500 else later)[address] = words(code, answer)
    accepted = [address for address in recipients if address not in refused and address not in later]
    if not accepted:
        raise MailFailed(next(iter((later or refused).values())), final=not later)
    code, answer = smtp.data(message.as_bytes(policy=SMTP))
    expect(code, answer)
    return Delivery(accepted, refused, later, words(code, answer))


def expect(code: int, answer: bytes) -> None:
    """Raise MailFailed unless the server agrees; a 5xx is its last word."""
    if code >= 300:
        raise MailFailed(words(code, answer), final=code >= 500)


def leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye. The mail is in already, so whatever happens now does not matter."""
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()


def words(code: int, answer: bytes | str) -> str:
    """Return the server's answer as one short line of printable text."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    shown = "".join(char if char.isprintable() else " " for char in f"{code} {text}")
    return " ".join(shown.split())[:LONGEST_ANSWER]
