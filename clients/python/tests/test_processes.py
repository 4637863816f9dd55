"""What processes that come of one another make of one session."""

from __future__ import annotations

import json
import multiprocessing
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from seghub import SegHub


class Naming(BaseHTTPRequestHandler):
    """A hub that says over which connection it is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"connection": self.client_address[1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@unittest.skipUnless("fork" in multiprocessing.get_all_start_methods(), "nothing forks here")
class TestForks(unittest.TestCase):
    def test_each_has_connections_of_its_own(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Naming)
        self.addCleanup(server.server_close)
        Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        hub = SegHub(f"http://127.0.0.1:{server.server_port}", token="t")
        self.addCleanup(hub.http.close)
        own = hub.session()["connection"]
        fork = multiprocessing.get_context("fork")
        here, there = fork.Pipe()
        child = fork.Process(target=lambda: there.send(hub.session()["connection"]))
        child.start()
        child.join()
        self.assertEqual(child.exitcode, 0)
        self.assertNotEqual(here.recv(), own)
        self.assertEqual(hub.session()["connection"], own)


if __name__ == "__main__":
    unittest.main()
