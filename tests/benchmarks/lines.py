"""One line of the table, and the measuring of a piece of Python in a process of its own (on Linux, for the peak)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

ROOT = Path(__file__).parents[2]

# getrusage would not do: a process begins with the peak of the one that started it
_FRAME = """
import json, pathlib, re, time
{before}
_started, _clock = time.process_time(), time.perf_counter()
{measured}
_cpu, _wall = time.process_time() - _started, time.perf_counter() - _clock
_kib = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
{after}
print(json.dumps(dict(cpu=_cpu, wall=_wall, peak=_kib / 1024, whole=time.process_time(), said=said)))
"""


@dataclass(frozen=True)
class Line:
    """What was measured against what.

    Attributes
    ----------
    name
        What is compared, and with what.
    ours, other
        The two figures.
    unit
        Of both.
    target
        The ratio ours / other that is wanted at most.
    """

    name: str
    ours: float
    other: float
    unit: str
    target: float

    @property
    def ratio(self) -> float:
        return self.ours / self.other if self.other else float("inf")

    @property
    def cells(self) -> list[object]:
        held = "yes" if self.ratio <= self.target else "no"
        figures = [f"{self.ours:,.3g} {self.unit}", f"{self.other:,.3g} {self.unit}"]
        return [self.name, *figures, f"{self.ratio:.2f}", f"{self.target:.2f}", held]


@dataclass(frozen=True)
class Measure:
    """What a piece of Python took: processor and wall seconds, and the most memory its process ever had, in MiB.

    `whole` are the processor seconds of all of the process, its imports included; `said` is what it had to say.
    """

    cpu: float
    wall: float
    peak: float
    whole: float
    said: object = None


@dataclass(frozen=True)
class Piece:
    """A piece of Python to be measured, all source.

    Attributes
    ----------
    measured, before, after
        What is measured, and what runs before and after it. `after` sets ``said``.
    python
        The interpreter.
    """

    measured: str
    before: str = ""
    after: str = "said = None"
    python: str | Path = sys.executable

    def run(self) -> Measure:
        script = _FRAME.format(before=self.before, measured=self.measured, after=self.after)
        return _run([str(self.python), "-c", script])


def measure(
    measured: str,
    *,
    before: str = "",
    after: str = "said = None",
    python: str | Path = sys.executable,
    times: int = 3,
    by: str = "cpu",
) -> Measure:
    """Run a :class:`Piece` a few times, each in a fresh process, and return its best run by that figure."""
    return by_turns(Piece(measured, before, after, python), times=times, by=by)[0]


def by_turns(*pieces: Piece, times: int = 3, by: str = "cpu") -> list[Measure]:
    """Measure pieces that are to be compared by turns, so that a slow minute of the machine slows down all of them."""
    turns = [[piece.run() for piece in pieces] for _ in range(times)]
    return [min(runs, key=attrgetter(by)) for runs in zip(*turns, strict=True)]


def _run(command: Sequence[str]) -> Measure:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr[-2000:]}")
    return Measure(**json.loads(done.stdout.splitlines()[-1]))
