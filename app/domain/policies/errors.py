"""How policies refuse a call."""

from __future__ import annotations

from app.domain.errors import Conflict, NotAllowed


class PolicyBlocked(NotAllowed):
    """403: a rule of the policy says that nobody may answer this call."""

    code = "policy_blocked"
    should_retry = False
    default = "This request is not allowed by the project's policy."


class RequestIdUsed(Conflict):
    """409: the client's own id of this request was used before in the project (K14, C18)."""

    code = "request_id_conflict"
    should_retry = False
    default = "This x-kagu-request-id was used before. Send a new one with each request."
