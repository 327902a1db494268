"""A mail server on this machine: keeps what it takes, answers as scripted, can hang up at any step."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections import defaultdict, deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

HANG_UP = ""
DEFAULTS = {
    "GREET": "220 sink",
    "EHLO": "250 sink",
    "DATA": "354 go on",
    "END": "250 2.0.0 queued",
    "QUIT": "221 bye",
}


class MailSink(socketserver.ThreadingTCPServer):
    """`script(step, answer)` sets the next answer to GREET, EHLO, MAIL, RCPT, DATA or END (the last dot)."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.scripted: dict[str, deque[str]] = defaultdict(deque)
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> MailSink:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        self.server_close()

    def script(self, step: str, *answers: str) -> None:
        """Give these answers to the next of this step; "" hangs up instead."""
        self.scripted[step].extend(answers)

    def answer(self, step: str) -> str:
        """Return what to say now."""
        return self.scripted[step].popleft() if self.scripted[step] else DEFAULTS.get(step, "250 ok")

    @property
    def ids(self) -> list[str]:
        """The Message-IDs of all mails that came in whole."""
        return [str(mail["Message-ID"]) for mail in self.mails]


class Exchange(socketserver.StreamRequestHandler):
    """One connection."""

    server: MailSink

    def handle(self) -> None:
        """Answer line by line until somebody hangs up."""
        recipients: list[str] = []
        step = "GREET"
        while self.say(step) and step != "QUIT":
            line = self.rfile.readline().decode()
            step = line[:4].upper()
            if step == "RCPT":
                recipients.append(line.partition("<")[2].partition(">")[0])
            elif step == "DATA" and self.say("DATA"):
                self.take(recipients)
                step = "END"
            elif not line:
                return

    def take(self, recipients: list[str]) -> None:
        """Read one mail and keep it."""
        lines = iter(self.rfile.readline, b".\r\n")
        content = b"".join(line.removeprefix(b".") for line in lines)
        self.server.mails.append(message_from_bytes(content, policy=policy.default))  # type: ignore[arg-type]
        self.server.recipients.append(recipients)

    def say(self, step: str) -> bool:
        """Give the step's answer; say whether the connection goes on."""
        answer = self.server.answer(step)
        if answer == HANG_UP:
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True
