"""A hub for the tests: the real program, on a free port, in a folder of its own."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[3]
BINARY = Path(os.environ.get("HUB_BINARY", ROOT / "bin" / "seghub"))
MODEL = "unet_spherohq"


class Hub:
    def __init__(self, listen: str = "127.0.0.1:0") -> None:
        self.folder = tempfile.TemporaryDirectory()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SEGHUB_")}
        self.process = subprocess.Popen(
            [BINARY, "serve", f"--listen={listen}", "--redis=embedded", "--device=cpu", f"--warm={MODEL}", "--min-free=0", "--rate-limits=0",
             f"--models={ROOT / 'models' / 'weights'}", f"--data={self.folder.name}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.search(r"http://\S+", said)
        if not found:
            raise RuntimeError(f"the hub did not start: {said}{self.process.communicate()[1]}")
        self.url = found.group()
        self.log = threading.Thread(target=self.process.stderr.read)  # a full pipe would hold it up
        self.log.start()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.join()
        self.process.stdout.close()
        self.process.stderr.close()
        self.folder.cleanup()
