"""One session at a hub."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import ipaddress
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from socket import gethostname
from types import TracebackType
from typing import Any, Mapping, Union
from urllib.parse import unquote, urlencode, urlsplit

import httpx
import numpy as np
import numpy.typing as npt
import tifffile
from websockets.asyncio.client import ClientConnection as AsyncSocket
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection as Socket
from websockets.sync.client import connect
from websockets.typing import Subprotocol
from websockets.version import version as websockets_version

from .backoff import Tries
from .errors import JobFailed, Problem, Unreachable, problem_of
from .events import ANSWER, SILENCE, SUBPROTOCOL, Event, Missed, Place, parse
from .result import Result

Image = Union[npt.NDArray[Any], str, "os.PathLike[str]"]  # an array [height, width] or [height, width, 3], or a file

ENDED = ("done", "failed", "cancelled")
BROKEN = (OSError, WebSocketException, TimeoutError, asyncio.TimeoutError, Missed)  # of which Python 3.10 takes the two for different ones
PARTING = 10.0  # seconds that leaving a hub may take
SENDS_AT_LEAST = 5  # times that an image is sent, however long that takes, before a way on which it breaks off is given up
FEW = 10  # jobs that are asked for one by one
IN_ADDRESS = 50  # jobs that an export names in its address, which every hub takes; proxies take none of several hundred
OFTEN, SELDOM = 0.1, 5.0  # seconds between two looks at jobs that no connection tells of: at first, and in the end


class SegHub:
    """One session at the hub at `url`. It ends, and its images and results with it, on leaving the `with` block or by `close()`;
    with `token` an older session goes on.

    `give_up` is how many seconds the hub may be out of reach before a call fails.
    """

    def __init__(self, url: str, *, name: str = "Python", access_key: str = "", token: str = "", give_up: float = 300.0,
                 timeout: float = 60.0) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"{url!r} is not the address of a hub, such as http://127.0.0.1:8080")
        place = address.netloc.rpartition("@")[2]
        self.base = f"{address.scheme}://{place}{address.path.rstrip('/')}/api/v1"  # without what a browser shows behind a page's
        self.proxy = ""  # what a proxy before the hub hears; empty where the address has no user
        self.cookie = ""  # the token as browsers send it, with its name
        if address.username is not None:
            if token:
                raise ValueError("a session cannot be taken up by its token where the address has a user: its header is the proxy's")
            user = f"{unquote(address.username)}:{unquote(address.password or '')}"
            self.proxy = "Basic " + base64.b64encode(user.encode()).decode()
        self.give_up = give_up
        self.here = _is_here(address.hostname)
        direct: dict[str, Any] = {"mounts": {f"all://{place.lower()}": None}} if self.here else {}
        self._connect = partial(httpx.Client, timeout=httpx.Timeout(timeout, connect=15.0), **direct)
        self.http, self.process = self._connect(), os.getpid()
        self.patience = httpx.Timeout(timeout, connect=15.0, read=max(timeout, give_up))  # where the hub may say nothing for long
        try:
            self.token = token or self._start(name, access_key)
        except BaseException:  # there will be nothing to close
            self.http.close()
            raise

    def _start(self, name: str, access_key: str) -> str:
        self.token = ""
        answer = self.call("POST", "/sessions", json={"name": name, "access_key": access_key})
        token: str = answer.json()["token"]
        self.cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies.jar if cookie.value == token)
        return token

    def _who(self) -> dict[str, str]:
        """The headers that say who calls. A proxy asks for a user of its own in the one that the token goes in elsewhere: then this goes
        as a cookie, as it does with browsers."""
        if self.proxy:
            return {"Authorization": self.proxy, **({"Cookie": self.cookie} if self.cookie else {})}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def __enter__(self) -> SegHub:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # What went wrong before is what its handlers are to see.
        with contextlib.suppress(Problem, Unreachable) if kind else contextlib.nullcontext():
            self.close()

    def close(self) -> None:
        """Ends the session: its queue is cancelled and its files are deleted. A hub that is away is not waited for: there, it ends by itself."""
        if self.http.is_closed:
            return
        try:
            self.call("DELETE", "/session", give_up=min(self.give_up, PARTING), timeout=PARTING)
        except Problem as problem:
            if problem.code != "unauthorized":  # it has ended already
                raise
        finally:
            self.http.close()

    # Calls

    def call(self, method: str, path: str, *, give_up: float | None = None, **request: Any) -> httpx.Response:
        """Makes a call of the API below /api/v1 until it is answered, and raises Problem for what is no success."""
        tries = Tries(self.give_up if give_up is None else give_up)
        while True:
            try:
                return self._once(method, path, **request)
            except (httpx.TransportError, Problem) as error:
                time.sleep(tries.after(error))

    def get(self, path: str, **request: Any) -> httpx.Response:
        """A GET of the API below /api/v1."""
        return self.call("GET", path, **request)

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {**request.pop("headers", {}), **self._who()}
        if self.process != os.getpid() and not self.http.is_closed:
            # A fork, as of multiprocessing, has the connections of its parent: each would read answers that are another's. Nor is it the one to
            # close them: with TLS that ends them for all.
            self.http, self.process = self._connect(), os.getpid()
        response = self.http.request(method, self.base + path, headers=headers, **request)
        if not response.is_success or response.headers.get("content-type", "").startswith("text/html"):
            raise problem_of(response)
        return response

    def session(self) -> Mapping[str, Any]:
        """The session as it is now: state, place in the line, numbers of jobs."""
        session: Mapping[str, Any] = self.get("/session").json()
        return session

    def models(self) -> list[Mapping[str, Any]]:
        """The models that can be asked for."""
        models: list[Mapping[str, Any]] = self.get("/models").json()["models"]
        return models

    def jobs(self, state: str = "") -> Iterator[Mapping[str, Any]]:
        """The jobs of the session, newest first; those of one state where it is given."""
        query = {"limit": "500", **({"state": state} if state else {})}
        while True:
            page = self.get("/jobs", params=query).json()
            yield from page["jobs"]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    def job(self, job: str) -> Mapping[str, Any]:
        """One job as it is now."""
        answer: Mapping[str, Any] = self.get(f"/jobs/{job}").json()
        return answer

    def cancel(self, job: str) -> None:
        """Stops a job; one that has ended is left as it is."""
        self.call("DELETE", f"/jobs/{job}")

    def export(self, format: str, jobs: Sequence[str] = ()) -> bytes:
        """What was made of jobs that are done, of all where none is named: coco, yolo, geojson, imagej, csv, xlsx, masks, labels or all.
        A table begins once all of its results are read, for which the hub may take as long as `give_up`."""
        if len(jobs) <= IN_ADDRESS:
            return self.get("/export", params={"format": format, "job": list(jobs)}, timeout=self.patience).content
        return self.call("POST", "/export", json={"format": format, "jobs": list(jobs)}, timeout=self.patience).content

    # Images

    def submit(self, image: Image, *, model: str, name: str = "", **options: Any) -> list[Mapping[str, Any]]:
        """Sends an image, a job for each of its pages. Options are the contract's: threshold, min_area, exclude_border, detect_holes,
        split_touching, diameter (pixels), pages, channel, projection, pixel_size (µm)."""
        filename, data = _file(image, name)
        form = {"model": model, **{key: _field(value) for key, value in options.items() if value is not None}}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        tries, broken = Tries(self.give_up), 0
        while True:
            breaks = False
            try:
                answer = self._once("POST", "/images", headers=key, data=form, files={"files": (filename, data)}).json()
                return list(answer["accepted"])
            except (httpx.TransportError, Problem) as error:
                time.sleep(tries.after(error))
                breaks = isinstance(error, httpx.TransportError)
            if known := self._outcome(key, tries):
                return known
            broken += breaks
            if breaks and broken < SENDS_AT_LEAST:
                tries.since = None  # the hub is there: what took so long was the image

    def _outcome(self, key: Mapping[str, str], tries: Tries) -> list[Mapping[str, Any]]:
        """The jobs of an upload whose answer was lost; none where the hub knows of none. Asked without the files, which it then misses."""
        while True:
            try:
                return list(self._once("POST", "/images", headers=key, files={"model": (None, "")}).json()["accepted"])
            except (httpx.TransportError, Problem) as error:
                if isinstance(error, Problem) and error.status == 400:
                    return []
                time.sleep(tries.after(error))

    def segment(self, image: Image, *, model: str, name: str = "", **options: Any) -> Result:
        """Segments an image, or the first page of a stack, and waits for what is found."""
        return self.segment_pages(image, model=model, name=name, **{"pages": "first" if _is_file(image) else None, **options})[0]

    def segment_pages(self, image: Image, *, model: str, name: str = "", **options: Any) -> list[Result]:
        """Segments all pages of an image that `pages` selects."""
        jobs = self.submit(image, model=model, name=name, **options)
        return [Result(self, job) for job in self.wait(jobs)]

    def wait(self, jobs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Waits until jobs are done. JobFailed is raised for the first that is not, Unreachable where the hub is away for longer than
        `give_up`."""
        latest = {job["id"]: job for job in jobs}

        def left() -> list[str]:
            return [job for job in latest if latest[job]["state"] not in ENDED]

        def take(told: Iterable[Mapping[str, Any]]) -> None:
            latest.update((job["id"], job) for job in told if job["id"] in latest)

        def look(unheard: list[str]) -> None:
            told = {job["id"]: job for job in self.jobs()} if len(unheard) > FEW else {}
            take(told.get(job) or self.job(job) for job in unheard)

        def meanwhile(wait: float) -> None:
            """Asks while there is no connection. A session has a few at once, and begins a few a second: a job may take less."""
            until, step = time.monotonic() + wait, OFTEN
            while left() and (rest := until - time.monotonic()) > 0:
                time.sleep(min(rest, step))
                look(left())
                step = min(2 * step, SELDOM)

        with contextlib.closing(self._events(stats=False)) as events:
            while left():
                event = next(events)
                if event.type == "snapshot":
                    take(event.data["jobs"])
                    known = {job["id"] for job in event.data["jobs"]}
                    look([job for job in left() if job not in known])
                elif event.type == "job":
                    take([event.job])
                elif event.type == "disconnected":
                    meanwhile(event.data["wait"])
        for job in latest.values():
            if job["state"] != "done":
                raise JobFailed(job)
        return list(latest.values())

    # Events

    def _address(self, place: Place) -> str:
        return "ws" + self.base.removeprefix("http") + "/ws?" + urlencode(place.query)

    def _how(self) -> dict[str, Any]:
        direct = {"proxy": None} if self.here and int(websockets_version.partition(".")[0]) >= 15 else {}  # before, it knew of no proxies
        return {"subprotocols": [Subprotocol(SUBPROTOCOL)], "additional_headers": self._who(), "max_size": None, "open_timeout": 15, **direct}

    def events(self, *, stats: bool = False) -> Iterator[Event]:
        """What happens in the session, kept events each once and in order, for as long as it lasts: first a snapshot. Problem is
        raised when the session has ended."""
        for event in self._events(stats):
            yield event
            if event.type == "disconnected":
                time.sleep(event.data["wait"])

    def _events(self, stats: bool) -> Generator[Event, None, None]:
        """The events, for whoever waits after `disconnected` as it says."""
        place = Place()
        while True:
            try:
                with connect(self._address(place), **self._how()) as socket:
                    if stats:
                        socket.send(json.dumps({"type": "watch", "stats": True}))
                    while True:
                        event = parse(_hear(socket))
                        if place.take(event):
                            yield event
            except BROKEN as error:
                wait = place.after(error)
                yield Event("disconnected", {"error": str(error), "wait": wait})

    async def events_async(self, *, stats: bool = False) -> AsyncIterator[Event]:
        """As `events`, for programs that run in an event loop."""
        place = Place()
        while True:
            try:
                async with connect_async(self._address(place), **self._how()) as socket:
                    if stats:
                        await socket.send(json.dumps({"type": "watch", "stats": True}))
                    while True:
                        event = parse(await _hear_async(socket))
                        if place.take(event):
                            yield event
            except BROKEN as error:
                wait = place.after(error)
                yield Event("disconnected", {"error": str(error), "wait": wait})
                await asyncio.sleep(wait)


def _is_here(host: str) -> bool:
    """Whether a hub is on this machine, to which no proxy of the environment leads: browsers ask none for it either."""
    host, own = host.rstrip("."), gethostname().lower()
    try:
        return host in ("localhost", own, f"{own}.local") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hear(socket: Socket) -> str | bytes:
    """The next frame. Nothing may happen for long, and of the hub's pings nobody is told: then it is asked whether it is there."""
    while True:
        try:
            return socket.recv(SILENCE)
        except TimeoutError:
            if not socket.ping().wait(ANSWER):
                raise


async def _hear_async(socket: AsyncSocket) -> str | bytes:
    """As `_hear`."""
    while True:
        try:
            return await asyncio.wait_for(socket.recv(), SILENCE)
        except asyncio.TimeoutError:
            await asyncio.wait_for(await socket.ping(), ANSWER)


def _is_file(image: Image) -> bool:
    return not isinstance(image, np.ndarray)


def _field(value: Any) -> str:
    """An option as the form has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _file(image: Image, name: str) -> tuple[str, bytes]:
    """The name and the bytes of a file that holds the image."""
    if not isinstance(image, np.ndarray):
        path = Path(image)
        return (name or path.name).encode(errors="replace").decode(), path.read_bytes()  # names of Linux may hold what is not UTF-8
    if image.ndim not in (2, 3) or image.ndim == 3 and image.shape[2] != 3:
        raise ValueError(f"an image is [height, width] or [height, width, 3], not {list(image.shape)}")
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    elif image.dtype == np.longdouble:
        image = image.astype(np.float64)
    elif image.dtype.kind not in "uif":
        raise ValueError(f"an image holds whole or floating-point numbers, not {image.dtype}")
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    out = io.BytesIO()
    tifffile.imwrite(out, image, photometric="minisblack" if image.ndim == 2 else "rgb", compression="zlib")
    return name or "array.tif", out.getvalue()
