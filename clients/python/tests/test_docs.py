"""The example of docs/clients.md does what it says."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import unittest
import urllib.request
from pathlib import Path

from hub import ROOT, Hub

BLOCKS = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


class TestDocs(unittest.TestCase):
    def test_example_runs(self) -> None:
        hub = Hub()
        self.addCleanup(hub.stop)
        blocks = BLOCKS.findall((ROOT / "docs" / "clients.md").read_text())
        code = "\n".join(blocks).replace("http://127.0.0.1:8080", hub.url)
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            with urllib.request.urlopen(f"{hub.url}/samples/spheroid.png") as sample:
                Path("spheroid.png").write_bytes(sample.read())
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(code, "docs/clients.md", "exec"), {})
        self.assertGreaterEqual(len(blocks), 3)
        self.assertRegex(said.getvalue(), r"objects of \d+ x \d+ pixels")
