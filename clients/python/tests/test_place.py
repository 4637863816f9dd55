"""What a listener makes of broken connections."""

from __future__ import annotations

import base64
import functools
import json
import pickle
import ssl
import struct
import unittest
from pathlib import Path
from socket import gethostname
from unittest import mock

import httpx
import numpy as np
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from seghub import JobFailed, Problem, SegHub, Unreachable, backoff, events
from seghub.errors import Problem as Refusal, problem_of

CLOSE_CODES = Path(__file__).parents[3] / "hub" / "closecodes.json"


def told(seq: int) -> events.Event:
    return events.Event("job", {"type": "job", "seq": seq, "job": {}})


class TestPlace(unittest.TestCase):
    def test_events_are_news_once(self) -> None:
        place = events.Place()
        self.assertEqual(place.query, {})
        place.take(events.Event("snapshot", {"seq": 5, "epoch": "e1"}))
        self.assertTrue(place.take(told(6)))
        self.assertFalse(place.take(told(6)))
        with self.assertRaises(events.Missed):
            place.take(told(8))
        self.assertEqual(place.query, {"since": "6", "epoch": "e1"})

    def test_lost_log_is_asked_for_anew_until_the_snapshot_came(self) -> None:
        place = events.Place()
        place.take(events.Event("snapshot", {"seq": 5, "epoch": "e1"}))
        place.take(events.Event("welcome", {"gap": True}))
        self.assertEqual(place.query, {})
        place.take(events.Event("snapshot", {"seq": 2, "epoch": "e2"}))
        self.assertEqual(place.query, {"since": "2", "epoch": "e2"})

    def test_close_codes_are_the_hubs(self) -> None:
        for row in json.loads(CLOSE_CODES.read_text()):
            error = ConnectionClosedError(Close(row["code"], ""), None)
            with self.subTest(row["code"]):
                if row["then"] == "stop":
                    self.assertRaises(Problem, events.Place().after, error)
                else:
                    ceiling = backoff.PATIENT_BASE if row["then"] == "wait" else backoff.BASE
                    self.assertLessEqual(events.Place().after(error), ceiling)

    def test_hub_that_goes_down_has_its_time(self) -> None:
        place = events.Place()
        place.take(events.Event("draining", {"reconnect_after_ms": 9000}))
        self.assertGreaterEqual(place.after(OSError()), 9)
        self.assertLess(place.after(OSError()), 9)

    def test_frames(self) -> None:
        header = b'{"type":"mask","job_id":"j"}'
        mask = events.parse(struct.pack(">I", len(header)) + header + b"PNG")
        self.assertEqual((mask.type, mask.data["job_id"], mask.png), ("mask", "j", b"PNG"))
        self.assertEqual(events.parse('{"type":"pong"}').type, "pong")


class TestTries(unittest.TestCase):
    def test_what_does_not_pass_is_raised(self) -> None:
        with self.assertRaises(Refusal):
            backoff.Tries(60).after(Refusal("no", status=400))

    def test_hub_that_is_away_is_given_up(self) -> None:
        tries = backoff.Tries(-1)
        tries.after(OSError("gone"))
        with self.assertRaises(Unreachable):
            tries.after(OSError("gone"))

    def test_why_a_call_takes_long_is_said_once(self) -> None:
        tries = backoff.Tries(60)
        with self.assertLogs("seghub", "WARNING") as said:
            for error in (OSError("gone"), OSError("gone"), Refusal("The queue is full.", code="queue_full", status=429)):
                tries.after(error)
        self.assertEqual([record.getMessage() for record in said.records],
                         ["the hub cannot be reached: gone: trying again", "The queue is full: trying again"])

    def test_certificate_that_is_not_trusted_is_no_reason_to_wait(self) -> None:
        distrust = ssl.SSLCertVerificationError("self-signed certificate")
        error = httpx.ConnectError("self-signed certificate")
        error.__cause__ = distrust
        for after, why in ((backoff.Tries(60).after, error), (events.Place().after, distrust)):
            self.assertRaises(Unreachable, after, why)

    def test_full_hub_is_waited_for(self) -> None:
        tries = backoff.Tries(-1)
        for _ in range(5):
            self.assertGreaterEqual(tries.after(Refusal("full", code="queue_full", status=429, retry_after=30)), 30)

    def test_proxy_that_asks_for_hours_is_given_up_too(self) -> None:
        self.assertLess(backoff.Tries(60).after(Refusal("maintenance", status=503, retry_after=86400)), 120)

    def test_waits_stay_below_their_ceiling(self) -> None:
        for attempt in range(100):
            self.assertLessEqual(backoff.delay(attempt), min(backoff.MOST, backoff.BASE * 2**attempt))


class TestErrors(unittest.TestCase):
    def test_they_come_out_of_other_processes(self) -> None:
        failed = {"id": "j", "state": "failed", "error": {"detail": "The image is cut off."}}
        for error in (JobFailed(failed), JobFailed({"state": "cancelled"}), Problem("no", code="c", status=400), Unreachable("gone")):
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(again), str(again), vars(again)), (type(error), str(error), vars(error)))
        self.assertEqual(str(JobFailed(failed)), "The image is cut off.")
        self.assertEqual(str(JobFailed({"state": "cancelled"})), "the job was cancelled")

    def test_what_is_no_problem_in_spite_of_its_type(self) -> None:
        for body in (b"", b'{"detail": "The queue', b"[]", b"null", b"\xff"):
            with self.subTest(body):
                answer = httpx.Response(503, headers={"Content-Type": "application/problem+json"}, content=body, request=httpx.Request("GET", "http://hub/"))
                problem = problem_of(answer)
                self.assertTrue(problem.passes)
                self.assertIn("http://hub/ answers 503", str(problem))

    def test_waits_that_nobody_can_mean(self) -> None:
        for said, wait in ((b"9" * 400, 86400), (b"\xb2", 0), (b"-1", 0), (b"Wed, 21 Oct 2026 07:28:00 GMT", 0)):
            answer = httpx.Response(503, headers=[(b"Retry-After", said)], request=httpx.Request("GET", "http://hub/"))
            self.assertEqual(problem_of(answer).retry_after, wait, said)

    def test_a_redirect_to_nowhere(self) -> None:
        self.assertIn("answers 302", str(problem_of(httpx.Response(302, request=httpx.Request("GET", "http://hub/")))))


class TestAddresses(unittest.TestCase):
    def test_what_is_no_address_is_said(self) -> None:
        for address in ("", "127.0.0.1:8080", "hub:8080", "ftp://hub", "http://"):
            self.assertRaises(ValueError, SegHub, address, token="t")

    def test_as_browsers_show_them(self) -> None:
        for address in ("http://hub/lab", "HTTP://hub/lab/", "http://hub/lab/?lang=de#job=1"):
            hub = SegHub(address, token="t")
            self.addCleanup(hub.http.close)
            self.assertEqual(hub.base, "http://hub/lab/api/v1")
            self.assertEqual(hub._address(events.Place()), "ws://hub/lab/api/v1/ws?")

    def test_where_the_hub_is_instead_is_said(self) -> None:
        hub = SegHub("http://hub", token="t")
        self.addCleanup(hub.http.close)
        hub.http = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(308, headers={"Location": "https://hub/"})))
        with self.assertRaises(Problem) as moved:
            hub.models()
        self.assertIn("leads to https://hub/", str(moved.exception))

    def test_a_hub_that_is_away_is_left_at_once(self) -> None:
        asked = 0

        def away(request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += 1
            raise httpx.ConnectError("gone")

        for kind in (KeyboardInterrupt, JobFailed):
            asked, hub = 0, SegHub("http://hub", token="t")
            hub.http = httpx.Client(transport=httpx.MockTransport(away))
            with mock.patch("seghub.backoff.delay", return_value=0.0), mock.patch("seghub.backoff.time.monotonic", side_effect=range(0, 600, 6)):
                with self.assertRaises(kind), hub:
                    raise kind({})
            self.assertEqual(asked, 3)

    def test_a_session_ends_once(self) -> None:
        asked: list[str] = []
        hub = SegHub("http://hub", token="t")
        hub.http.close()
        hub.http = httpx.Client(transport=httpx.MockTransport(lambda request: asked.append(request.method) or httpx.Response(204)))
        with hub:
            hub.close()
        self.assertEqual(asked, ["DELETE"])

    def test_a_page_in_the_hubs_place_is_said(self) -> None:
        hub = SegHub("http://hub", token="t")
        self.addCleanup(hub.http.close)
        hub.http = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, html="<p>Sign in</p>")))
        with self.assertRaises(Problem) as page:
            hub.models()
        self.assertIn("http://hub/api/v1/models answers 200 OK with a page", str(page.exception))

    def test_what_a_proxy_wants_is_said(self) -> None:
        for answer, want in ((httpx.Response(401, headers={"WWW-Authenticate": 'Basic realm="lab"'}), "as http://USER:PASSWORD@hub:81"),
                             (httpx.Response(413, html="<p>Too large</p>"), "takes no file of this size")):
            hub = SegHub("http://hub:81", token="t")
            self.addCleanup(hub.http.close)
            hub.http = httpx.Client(transport=httpx.MockTransport(lambda request: answer))
            with self.assertRaises(Problem) as refused:
                hub.submit(np.zeros((8, 8), np.uint8), model="m")
            self.assertIn(want, str(refused.exception))

    def test_no_proxy_leads_to_this_machine(self) -> None:
        with mock.patch.dict("os.environ", {"http_proxy": "http://proxy:3128", "no_proxy": ""}):
            own = gethostname()
            for address, direct in {f"http://{own}:8080": True, f"http://{own.upper()}.local": True, f"http://{own}.example": False, "http://127.0.0.1:8080": True, "http://localhost": True, "http://[::1]:8080": True, "http://hub": False, "http://10.0.0.1": False}.items():
                hub = SegHub(address, token="t")
                self.addCleanup(hub.http.close)
                self.assertEqual(hub.http._transport_for_url(httpx.URL(hub.base)) is hub.http._transport, direct, address)
                self.assertEqual(hub._how().get("proxy", True), None if direct else True, address)

    def test_an_image_that_takes_longer_than_a_hub_may_be_away_is_sent_again(self) -> None:
        sent = 0

        def answer(request: httpx.Request) -> httpx.Response:
            nonlocal sent
            if b"filename" not in request.read():
                return httpx.Response(400, json={})
            sent += 1
            if sent < 4:
                raise httpx.WriteTimeout("the line is slow")
            return httpx.Response(202, json={"accepted": [{"id": "j"}]})

        hub = SegHub("http://hub", token="t", give_up=-1)  # no two failures in a row are borne
        self.addCleanup(hub.http.close)
        hub.http = httpx.Client(transport=httpx.MockTransport(answer))
        with mock.patch("seghub.backoff.delay", return_value=0.0):
            self.assertEqual(hub.submit(np.zeros((8, 8), np.uint8), model="m"), [{"id": "j"}])

    def test_a_hub_that_takes_nothing_is_given_up(self) -> None:
        hub = SegHub("http://hub", token="t", give_up=-1)
        self.addCleanup(hub.http.close)
        hub.http = httpx.Client(transport=httpx.MockTransport(
            lambda request: httpx.Response(503 if b"filename" in request.read() else 400, json={})))
        with mock.patch("seghub.backoff.delay", return_value=0.0), self.assertRaises(Problem):
            hub.submit(np.zeros((8, 8), np.uint8), model="m")

    def test_a_proxy_has_the_header_for_its_own_password(self) -> None:
        heard: list[tuple[str, str]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            heard.append((request.headers.get("Authorization", ""), request.headers.get("Cookie", "")))
            cookies = {"Set-Cookie": "__Host-seghub_x=t; Path=/; Secure; HttpOnly"} if request.method == "POST" else {}
            return httpx.Response(200, headers=cookies, json={"token": "t", "models": []})

        with mock.patch.object(httpx, "Client", functools.partial(httpx.Client, transport=httpx.MockTransport(answer))):
            hub = SegHub("https://ada:pass%3Aword@hub/lab")
        self.addCleanup(hub.http.close)
        hub.models()
        basic = "Basic " + base64.b64encode(b"ada:pass:word").decode()
        self.assertEqual(heard, [(basic, ""), (basic, "__Host-seghub_x=t")])
        self.assertEqual(hub._how()["additional_headers"], {"Authorization": basic, "Cookie": "__Host-seghub_x=t"})
        self.assertEqual(hub._address(events.Place()), "wss://hub/lab/api/v1/ws?")
        self.assertRaises(ValueError, SegHub, "https://ada:secret@hub", token="t")

    def test_a_hub_that_lets_nobody_in_costs_no_connection(self) -> None:
        made: list[httpx.Client] = []

        def client(**options: object) -> httpx.Client:
            made.append(unpatched(transport=httpx.MockTransport(lambda request: httpx.Response(401)), **options))
            return made[0]

        unpatched = httpx.Client
        with mock.patch.object(httpx, "Client", client):
            self.assertRaises(Problem, SegHub, "http://hub", access_key="wrong")
        self.assertTrue(made[0].is_closed)

    def test_an_export_may_take_its_time(self) -> None:
        asked: list[tuple[str, bytes, float]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append((request.url.query.decode(), request.read(), request.extensions["timeout"]["read"]))
            return httpx.Response(200, content=b"a table")

        hub = SegHub("http://hub", token="t", give_up=200)
        self.addCleanup(hub.http.close)
        hub.http = httpx.Client(transport=httpx.MockTransport(answer), timeout=hub.http.timeout)
        self.assertEqual(hub.export("csv"), b"a table")
        hub.export("csv", ["j1", "j2"])
        hub.export("csv", ["j1"] * 200)  # more than an address holds
        hub.get("/jobs/j1/mask.png")
        self.assertEqual([query for query, _, _ in asked], ["format=csv", "format=csv&job=j1&job=j2", "", ""])
        self.assertEqual([json.loads(body or b"null") for _, body, _ in asked], [None, None, {"format": "csv", "jobs": ["j1"] * 200}, None])
        self.assertEqual([read for _, _, read in asked], [200, 200, 200, 60])


if __name__ == "__main__":
    unittest.main()
