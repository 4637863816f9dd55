"""How long to wait before the next try: full jitter, so that the clients of a hub that comes back do not all return at once."""

from __future__ import annotations

import logging
import random
import time

from .errors import FULL, Problem, Unreachable, is_distrust

BASE, MOST = 0.5, 15.0  # seconds: the ceilings of the first wait and of any
PATIENT_BASE, PATIENT_MOST = 10.0, 60.0  # where the hub asks for patience


log = logging.getLogger("seghub")


def delay(attempt: int, base: float = BASE, most: float = MOST) -> float:
    """Before try number attempt, from 0: uniform in 0..min(most, base * 2**attempt) seconds."""
    return random.uniform(0, min(most, base * 2 ** min(attempt, 30)))


class Tries:
    """The failures of one call, in a row: `after` gives the wait before the next try, or raises what ends the call. Whoever waits meanwhile
    reads in the log for what, once."""

    def __init__(self, give_up: float) -> None:
        self.give_up = give_up
        self.count = 0
        self.since: float | None = None
        self.said = ""

    def after(self, error: Exception) -> float:
        wait = self._after(error)
        why = str(error) if isinstance(error, Problem) else f"the hub cannot be reached: {error}"
        if why != self.said:
            self.said = why
            log.warning("%s: trying again", why.rstrip("."))
        return wait

    def _after(self, error: Exception) -> float:
        wait = delay(self.count)
        self.count += 1
        if isinstance(error, Problem):
            if not error.passes:
                raise error
            if error.code in FULL:  # the hub is there
                self.since = None
                return wait + error.retry_after
            wait += min(error.retry_after, max(0.0, self.give_up))  # a proxy's page may ask for hours
        elif is_distrust(error):
            raise Unreachable(f"the hub's certificate is not trusted: {error}") from error
        now = time.monotonic()
        if self.since is None:
            self.since = now
        elif now - self.since > self.give_up:
            if isinstance(error, Problem):
                raise error
            raise Unreachable(f"the hub cannot be reached: {error}") from error
        return wait

