"""A MongoDB-protocol engine for tests: the oracle of the matcher, and a place for the MongoDB store to be tried on.

`BUCKETSNB_TEST_MONGODB` names a real server to use instead. Without it, `secantusd-rs` of the package SecantusDB runs
on a free loopback port. Use it without indexes where its answers are to be believed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymongo
import pymongo.errors

ENGINE = "SecantusDB==0.6.0b17"
ANSWERS_WITHIN = 120.0
REAL_SERVER = os.environ.get("BUCKETSNB_TEST_MONGODB")
"""Address of the server that the tests were given; read here because each test runs without such variables."""


@contextmanager
def running_engine(folder: Path) -> Iterator[str]:
    """Run an engine that keeps its data in `folder`, and give its address."""
    engine = Engine(folder)
    engine.start()
    try:
        yield engine.url
    finally:
        engine.stop()


class Engine:
    """An engine that can be stopped, or killed, and started again at the same address with the same data."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        self.url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        self.process: subprocess.Popen[bytes] | None = None
        self._log = folder / "engine.log"
        self._command = [
            *(str(_binary(folder)), "--port", str(port), "--storage-path", str(folder / "data")),
            *("--cache-size", "1G", "--config", str(_configuration(folder))),
            *("--log-level", "WARNING", "--sync-on-commit"),
            *("--log-file-max", "128MB"),  # a restart reads all of it, and 2 GB take a core ten seconds
        ]

    def start(self) -> None:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(self._command, stdout=output, stderr=output, cwd=self._log.parent)
        _wait_until_it_answers(self.url, self.process, self._log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def _binary(folder: Path) -> Path:
    installed = Path(sysconfig.get_path("platlib"), "secantusdb.scripts", "secantusd-rs")
    if installed.exists():
        return installed if os.access(installed, os.X_OK) else _executable(installed, folder)
    return _downloaded(folder)


def _executable(installed: Path, folder: Path) -> Path:
    """Copy what an installer left without its mode: the environment may be another user's, or read-only."""
    copied = folder / installed.name
    shutil.copyfile(installed, copied)
    copied.chmod(0o755)
    return copied


def _downloaded(folder: Path) -> Path:
    """Fetch the wheel of another Python: the binary in it does not depend on one."""
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run([*fetch, "--python-version", "3.13", "--dest", str(folder), ENGINE], check=False)
    wheels = list(folder.glob("secantusdb-*.whl"))
    if done.returncode or not wheels:
        raise RuntimeError(f"no MongoDB engine here: set BUCKETSNB_TEST_MONGODB, or install {ENGINE} for this system")
    shutil.unpack_archive(wheels[0], folder / "wheel", "zip")
    binary = folder / "wheel" / "secantusdb.scripts" / "secantusd-rs"
    binary.chmod(0o755)
    return binary


def _configuration(folder: Path) -> Path:
    """Write an empty configuration, so that one that lies about on the machine is not read."""
    path = folder / "engine.toml"
    path.touch()
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN
    with pymongo.MongoClient(url, serverSelectionTimeoutMS=200) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.admin.command("ping")
            except pymongo.errors.PyMongoError:
                continue
            return
    raise RuntimeError(f"the MongoDB engine did not answer:\n{log.read_text(errors='replace')[-2000:]}")
