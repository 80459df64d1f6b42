"""No text of a work, however long or odd, keeps a pattern busy: each is tried under a limit of processor time."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

LENGTH = 80_000
SECONDS = 20

COLLECT = r"""
import ast, importlib, pkgutil, re
from pathlib import Path
import bucketsnb

# Their patterns are tried at the start of a text only, never further on in it.
FROM_THE_START = {
    "bucketsnb.addresses",
    "bucketsnb.encoding.cells",
    "bucketsnb.query.keywords",
    "bucketsnb.query.times",
    "bucketsnb.transport.routes",
}


def inside(value, depth=0):
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in [*value, *value.values()]:
            yield from inside(one, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth < 4:
        for one in value:
            yield from inside(one, depth + 1)


def literals(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if getattr(node.func.value, "id", "") == "re" and node.func.attr != "compile":
                if node.args and isinstance(node.args[0], ast.Constant):
                    yield re.compile(node.args[0].value)


found = {}
for info in pkgutil.walk_packages(bucketsnb.__path__, "bucketsnb."):
    if info.name.startswith(("bucketsnb.backend", "bucketsnb.__main__", "bucketsnb.cli.orphan")):
        continue
    module = importlib.import_module(info.name)
    for value in vars(module).values():
        for pattern in inside(value):
            found.setdefault(pattern, info.name)
    for pattern in literals(Path(module.__file__)):
        found.setdefault(pattern, info.name)
from bucketsnb.schema import FIELDS
for text in (field.pattern for field in FIELDS.values() if field.pattern):
    found.setdefault(re.compile(text), "fields")
"""

PARTS = [
    "a.", "a", "0", "a-", "-", "/", "/a", "../", "~/", ":", "://", "a://", "0x", "0.", "0,", "1e", "f0", "+1", "=", "'",
    '"', "(", ")", "@", "%", "<", " ", "\t", "\n", " \n", "a ", "é", "\u202e", "2026-11-20 ", "2026-11-20T10:00:00.0",
    "-0-", "12345678-", "$", "..", "https://a", "max_affected=", "Buckets(",
]  # fmt: skip
"""What is said again and again, with an end that does not match."""


LIMIT = "import resource, signal\nresource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))\n"


def run(code: str, *, collect: bool = False, seconds: int = SECONDS) -> subprocess.CompletedProcess[str]:
    start = f"{LIMIT.format(seconds=seconds)}{COLLECT if collect else ''}\nLENGTH, PARTS = {LENGTH}, {PARTS!r}\n"
    return subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=False)


def test_the_patterns_over_text_of_works_are_among_those_that_are_tried():
    done = run("print(len(found), sorted(set(found.values())))", collect=True)
    assert done.returncode == 0, done.stderr
    number, _, homes = done.stdout.partition(" ")
    assert int(number) > 15
    for home in ("summaries.failures", "changes.drawing", "fields"):
        assert home in homes


def test_every_pattern_is_linear_on_long_hostile_text():
    done = run(
        """
from bucketsnb.summaries.failures import FOLDED_MOST
for pattern, home in found.items():
    if isinstance(pattern.pattern, bytes):
        continue
    tries = [pattern.match] if home in FROM_THE_START else [lambda text: pattern.sub("#", text)]
    length = FOLDED_MOST if home == "bucketsnb.summaries.failures" else LENGTH // 4
    for part in PARTS:
        long = part * (length // len(part))
        for text in (long + "!", "a" + long + "\\x00", ">" + long + "a\\nb"):
            print(home, repr(pattern.pattern)[:60], repr(part), flush=True)
            signal.setitimer(signal.ITIMER_PROF, 0.5)  # ends the process where one text takes longer
            for tried in [pattern.fullmatch, *tries]:
                tried(text)
signal.setitimer(signal.ITIMER_PROF, 0)
""",
        collect=True,
        seconds=100,
    )
    assert done.returncode == 0, f"{done.stderr} {done.stdout[-300:]}"


@pytest.mark.parametrize("error", ["text", "['', text]", "{'error': text}", "'Traceback' + chr(10) + text"])
def test_failures_of_works_with_long_errors_take_no_time(error):
    code = f"""
from bucketsnb.frames import frame_of
from bucketsnb.summaries import failures_of
for part in PARTS:
    text = part * (LENGTH // len(part))
    works = [dict(id=str(number), pipeline="p", results=dict(error={error})) for number in range(3)]
    assert failures_of(frame_of(works))["n_works"].sum() == 3
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_an_error_deep_inside_lists_and_mappings_is_looked_for_only_so_far():
    code = """
from bucketsnb.summaries import error_text
deep = "no disk"
for n in range(100_000):
    deep = [deep] if n % 2 else {"error": deep}
assert error_text({"error": deep}) is None
assert error_text({"error": [["no disk"]]}) == "no disk"
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
