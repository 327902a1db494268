"""A receiver of Sluice's webhooks: checks each delivery, prints its event. Standard library only.

SLUICE_WEBHOOK_SECRET=whsec_… python webhook_receiver.py [PORT]
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["SLUICE_WEBHOOK_SECRET"].encode()
TOLERANCE_SECONDS = 5 * 60
seen = set()  # keep this where it survives a restart: the same event may be delivered twice


def verified(header: str, body: bytes) -> bool:
    """Say whether the body was signed with our secret just now: t=<unix>,v1=<hex>[,v1=<hex>]."""
    pairs = [part.split("=", 1) for part in header.split(",") if "=" in part]
    at = next((value for name, value in pairs if name == "t"), "")
    if not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(SECRET, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected, value) for name, value in pairs if name == "v1")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))  # the raw bytes: check before parsing
        if not verified(self.headers.get("X-Sluice-Signature", ""), body):
            self.answer(400)
            return
        self.answer(204)  # first say that it arrived, within 10 seconds; then do what takes long
        event = json.loads(body)
        if event["id"] not in seen:
            seen.add(event["id"])
            print(event["type"], json.dumps(event["data"]), flush=True)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8081
    server = HTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
