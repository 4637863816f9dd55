"""What may go wrong."""

from __future__ import annotations

import contextlib
import ssl
from typing import Any, Mapping

import httpx

# The hub is there and has too much to do, which may last.
FULL = frozenset({"queue_full", "rate_limited", "gpu_memory_exhausted"})
PASSING_STATUS = frozenset({408, 429, 502, 503, 504})
MOST_PATIENCE = 86400.0  # seconds: the longest wait that is believed


class Problem(Exception):
    """Why the hub did not do what it was asked (RFC 9457): `str()` is a sentence for a person, `code` for a program."""

    def __init__(self, detail: str, code: str = "", status: int = 0, retry_after: float = 0.0, rejected: Any = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.retry_after = retry_after  # seconds; 0 where the hub does not say
        self.rejected: list[Mapping[str, Any]] = list(rejected)  # the files of an upload of which nothing was taken

    @property
    def passes(self) -> bool:
        """Whether trying again may help."""
        return self.status in PASSING_STATUS


class Unreachable(Exception):
    """No connection to the hub could be made: for as long as `give_up` said, or at all, where its certificate is not trusted."""


class JobFailed(Exception):
    """A job did not come to a result. `job` is the job as the hub tells of it."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        super().__init__(job)  # from which pickle makes it again: of a worker process, a pool waits for ever for one that it cannot
        self.job = job

    def __str__(self) -> str:
        detail: str = (self.job.get("error") or {}).get("detail") or f"the job was {self.job.get('state')}"
        return detail


def is_distrust(error: BaseException | None) -> bool:
    """Whether an error comes of a certificate that is not trusted, which no other try mends."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def problem_of(response: httpx.Response) -> Problem:
    """The problem of an answer that is none of success, or none of a hub. What no hub says, a proxy in between may."""
    body: Any = None
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        with contextlib.suppress(ValueError):
            body = response.json()
    if not isinstance(body, dict):
        body = {}
    after = response.headers.get("retry-after", "")
    return Problem(
        body.get("detail") or f"{response.url} answers {response.status_code} {response.reason_phrase}{_meaning(response)}",
        code=body.get("code", ""),
        status=response.status_code,
        retry_after=min(float(after), MOST_PATIENCE) if after.isascii() and after.isdigit() else 0.0,
        rejected=body.get("rejected") or (),
    )


def _meaning(response: httpx.Response) -> str:
    """What an answer that is no hub's may mean."""
    if response.has_redirect_location:
        return f", and leads to {response.headers['location']}"
    if response.is_success:
        return " with a page, as no hub does"
    if response.headers.get("www-authenticate", "").lower().startswith("basic"):
        return f": a proxy asks for a user and a password, as {response.url.scheme}://USER:PASSWORD@{response.url.netloc.decode()}"
    if response.status_code == 413:
        return ": a proxy takes no file of this size"
    return ""
