"""What a session hears, over connections that may break."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, Mapping

from websockets.exceptions import ConnectionClosed, InvalidStatus

from . import backoff
from .errors import Problem, Unreachable, is_distrust

SUBPROTOCOL = "seghub.v1"
SILENCE = 50.0  # seconds without a frame after which the hub is asked whether it is there
ANSWER = 10.0  # seconds that it has to say so
STOP = {1000: "The hub said goodbye.", 4401: "Not authorised: start a new session.", 4404: "The session is closed.",
        4409: "The hub does not understand this client."}
UNAUTHORISED = (4401, 4404)
WAIT = 4429


@dataclass(frozen=True)
class Event:
    """One thing that a session hears. `type` is as in the contract (`welcome`, `snapshot`, `session`, `position`, `job`, `edit`,
    `progress`, `stats`, `draining`, `error`, `mask`), or `disconnected`, after which the connection is made again."""

    type: str
    data: Mapping[str, Any] = field(repr=False)
    png: bytes = field(default=b"", repr=False)  # of a mask: one channel, 0 or 255

    @property
    def job(self) -> Mapping[str, Any]:
        """The job of a `job` event."""
        job: Mapping[str, Any] = self.data["job"]
        return job


def parse(frame: str | bytes) -> Event:
    """Reads a frame: JSON, or a mask as uint32 big-endian header length, header and PNG."""
    if isinstance(frame, str):
        data = json.loads(frame)
        return Event(data.get("type", ""), data)
    (length,) = struct.unpack_from(">I", frame)
    data = json.loads(frame[4 : 4 + length])
    return Event(data.get("type", ""), data, frame[4 + length :])


class Missed(Exception):
    """An event is missing: the connection is made again from the last."""


class Place:
    """Where a listener stands in a session's events, over as many connections as it takes. It decides; `SegHub` connects."""

    def __init__(self) -> None:
        self.seq = 0
        self.epoch: str | None = None  # of the log that seq is of; None before the first snapshot
        self.attempt = 0
        self.asked = 0.0  # seconds that a hub which goes down wants

    @property
    def query(self) -> dict[str, str]:
        return {} if self.epoch is None else {"since": str(self.seq), "epoch": self.epoch}

    def take(self, event: Event) -> bool:
        """Whether the event is news. It raises Missed where one before it is missing."""
        data = event.data
        if event.type == "welcome":
            self.attempt = 0  # a hub that takes a connection and closes it at once has not been reached
            if data["gap"]:
                self.epoch = None  # that of the new log goes with the snapshot
            return True
        if event.type == "snapshot":
            self.seq, self.epoch = data["seq"], data["epoch"]
            return True
        if event.type == "draining":
            self.asked = data["reconnect_after_ms"] / 1000
            return True
        seq = data.get("seq", 0)
        if seq == 0:
            return True
        if seq > self.seq + 1:
            raise Missed("an event is missing")
        if seq <= self.seq:
            return False
        self.seq = seq
        return True

    def after(self, error: Exception) -> float:
        """The wait before the next connection, or an exception that no other connection mends."""
        base, most = backoff.BASE, backoff.MOST
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            if error.rcvd.code in STOP:
                raise Problem(STOP[error.rcvd.code], code="unauthorized" if error.rcvd.code in UNAUTHORISED else "") from error
            if error.rcvd.code == WAIT:
                base, most = backoff.PATIENT_BASE, backoff.PATIENT_MOST
        if isinstance(error, InvalidStatus) and error.response.status_code in (401, 403, 404):
            raise Problem("The hub refuses the connection.", code="unauthorized", status=error.response.status_code) from error
        if is_distrust(error):
            raise Unreachable(f"the hub's certificate is not trusted: {error}") from error
        wait = self.asked + backoff.delay(self.attempt, base, most)
        self.asked = 0.0
        self.attempt += 1
        return wait
