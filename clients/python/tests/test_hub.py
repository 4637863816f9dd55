"""Against the real program."""

from __future__ import annotations

import asyncio
import io
import tempfile
import unittest
import urllib.request
import zipfile
from unittest import mock

import httpx
import numpy as np
import pandas as pd
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from hub import MODEL, Hub
from seghub import JobFailed, Problem, SegHub, Unreachable


def spheroid(height: int = 300, width: int = 400) -> np.ndarray:
    """A dark body on a bright ground."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    ground = 200 + 10 * np.sin(x / 40) + np.random.default_rng(1).normal(0, 3, (height, width))
    return np.clip(np.where(distance < 80, ground - 110, ground), 0, 255).astype(np.uint8)


class TestHub(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Hub()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def setUp(self) -> None:
        self.hub = SegHub(self.server.url, name="Ada")
        self.addCleanup(self.hub.close)

    def test_array_in_labels_and_table_out(self) -> None:
        image = spheroid()
        result = self.hub.segment(image, model=MODEL)
        self.assertEqual(result.labels.shape, image.shape)
        self.assertEqual(result.labels.max(), len(result))
        self.assertEqual(len(result.objects), len(result))
        self.assertGreaterEqual(len(result), 1)
        areas = np.bincount(result.labels.ravel())[1:]
        np.testing.assert_array_equal(result.objects["area_px"], areas)
        self.assertEqual(set(result.objects["model"]), {MODEL})
        self.assertEqual(set(result.objects["receipt"]), {result.receipt["id"]})

    def test_tables_can_be_put_together(self) -> None:
        tables = [self.hub.segment(image, model=MODEL, name=name).objects
                  for image, name in ((spheroid(), "001.tif"), (spheroid(), "NA.tif"), (np.zeros((64, 64), np.uint8), "1e5.tif"))]
        together = pd.concat(tables)
        self.assertEqual(set(together["name"]), {"001", "NA"})
        self.assertEqual(len(tables[2]), 0)
        for column in tables[2]:
            self.assertEqual(tables[2][column].dtype.kind, tables[0][column].dtype.kind, column)
            self.assertEqual(together[column].dtype, tables[0][column].dtype, column)

    def test_kinds_of_numbers(self) -> None:
        image = spheroid()
        colour = np.dstack([image] * 3)
        for array in (image.astype(np.uint16) * 100, image / 255, image.astype(np.int64) - 300, colour, image > 100):
            with self.subTest(dtype=array.dtype, shape=array.shape):
                result = self.hub.segment(array, model=MODEL)
                self.assertEqual(result.labels.shape, image.shape)
                if array.dtype == np.float64:
                    self.assertLess(result.objects["mean_intensity_1"].max(), 1)  # of the array's own values
        for array in (np.zeros((3, 4, 5, 6)), np.zeros((10, 10, 2)), np.zeros((20, 20), complex)):
            with self.assertRaises(ValueError):
                self.hub.segment(array, model=MODEL)

    def test_options_reach_the_hub(self) -> None:
        image = spheroid()
        result = self.hub.segment(image, model=MODEL, threshold=0.25, min_area=10, split_touching=False)
        options = result.job["options"]
        self.assertEqual((options["threshold"], options["min_area"], options["split_touching"]), (0.25, 10, False))

    def test_what_the_hub_refuses(self) -> None:
        with self.assertRaises(Problem) as refused:
            self.hub.segment(spheroid(), model="nobody")
        self.assertEqual(refused.exception.code, "unknown_model")
        with self.assertRaises(Problem) as refused:
            self.hub.export("svg")
        self.assertEqual(refused.exception.status, 400)

    def test_file_that_is_cut_fails(self) -> None:
        with urllib.request.urlopen(self.server.url + "/samples/spheroid.png") as sample, tempfile.NamedTemporaryFile(suffix=".png") as file:
            file.write(sample.read())
            file.truncate(5000)
            file.flush()
            with self.assertRaises((Problem, JobFailed)):
                self.hub.segment(file.name, model=MODEL)

    @mock.patch("seghub.hub.SILENCE", 0.01)  # of which there are many while the model runs
    def test_events_in_order(self) -> None:
        job = self.hub.submit(spheroid(), model=MODEL)[0]
        states, last = [], 0
        for event in self.hub.events():
            self.assertNotEqual(event.type, "disconnected")
            if event.type == "snapshot":
                last = event.data["seq"]
                states += [j["state"] for j in event.data["jobs"] if j["id"] == job["id"]]
            elif event.type != "welcome" and event.data.get("seq", 0):
                self.assertEqual(event.data["seq"], last + 1)
                last += 1
            if event.type == "job":
                states.append(event.job["state"])
            if event.type == "mask" and event.data["final"]:
                self.assertEqual(event.png[1:4], b"PNG")
            if states[-1:] == ["done"]:
                break
        self.assertEqual(states[-1], "done")

    @mock.patch("seghub.hub.SILENCE", 0.01)
    def test_events_in_a_loop(self) -> None:
        async def until_done() -> str:
            async for event in self.hub.events_async():
                self.assertNotEqual(event.type, "disconnected")
                jobs = event.data["jobs"] if event.type == "snapshot" else [event.job] if event.type == "job" else []
                if any(j["id"] == job["id"] and j["state"] == "done" for j in jobs):
                    return "done"
            return "ended"

        job = self.hub.submit(spheroid(), model=MODEL)[0]
        self.assertEqual(asyncio.run(until_done()), "done")

    def test_result_is_known_without_a_connection(self) -> None:
        refused = [ConnectionClosedError(Close(4429, ""), None), AssertionError("tried again")]
        with mock.patch("seghub.hub.connect", side_effect=refused), mock.patch("seghub.backoff.delay", return_value=60.0):
            self.assertGreaterEqual(len(self.hub.segment(spheroid(), model=MODEL)), 1)

    def test_hub_that_goes_away_is_not_waited_for(self) -> None:
        job = self.hub.submit(spheroid(), model=MODEL)[0]
        gone = SegHub("http://127.0.0.1:9", token="t", give_up=-1)
        self.addCleanup(gone.http.close)
        with self.assertRaises(Unreachable):
            gone.wait([job])

    def test_session_goes_on_with_its_token(self) -> None:
        self.hub.segment(spheroid(), model=MODEL)
        again = SegHub(self.server.url, token=self.hub.token)
        self.addCleanup(again.http.close)
        jobs = list(again.jobs("done"))
        self.assertEqual([job["state"] for job in jobs], ["done"])
        self.assertIn(b'"FeatureCollection"', again.export("geojson", [job["id"] for job in jobs]))
        with zipfile.ZipFile(io.BytesIO(again.export("all"))) as everything:
            self.assertIn("results.csv", everything.namelist())

    def test_events_end_with_their_session(self) -> None:
        other = SegHub(self.server.url)
        events = other.events()
        next(events)
        other.close()
        with self.assertRaises(Problem) as ended:
            for _ in events:
                pass
        self.assertEqual(ended.exception.code, "unauthorized")

    def test_upload_whose_answer_is_lost_makes_one_job(self) -> None:
        self.hub.http = httpx.Client(transport=Losing(self.hub.http))
        jobs = self.hub.submit(spheroid(), model=MODEL)
        self.assertEqual([job["id"] for job in self.hub.jobs()], [job["id"] for job in jobs])
        self.assertEqual(self.hub.http._transport.lost, 1)


class Losing(httpx.BaseTransport):
    """Loses the answer to the first upload."""

    def __init__(self, inner: httpx.Client) -> None:
        self.inner = inner
        self.lost = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.inner._transport.handle_request(request)
        if request.method == "POST" and self.lost == 0:
            response.read()
            self.lost += 1
            raise httpx.ReadError("the cable was pulled")
        return response


if __name__ == "__main__":
    unittest.main()
