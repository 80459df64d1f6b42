"""What the README shows runs, in its order, and what it names is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from click import Context, UsageError

from bucketsnb import Buckets
from bucketsnb.cli import main
from bucketsnb.cli.exits import DONE, FAILED, INTERRUPTED, NOTHING_MATCHED, PARTLY_DONE, REFUSED

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TEN_WORDS = ["work", "pipeline", "query", "plan", "receipt", "drifted", "journal", "undo", "claim", "stale"]


def table(heading: str, first_cell: str) -> list[list[str]]:
    """Return the rows below the heading row of a table of the section."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = section[section.index(f"| {first_cell} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def in_backticks(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_code_of_the_readme_runs_from_top_to_bottom():
    names: dict[str, Any] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert names["receipt"].ok
    assert names["receipt"].ids
    assert names["buckets"].count() == 2000, "what was deleted came back"
    names["buckets"].close()


def test_every_method_of_the_client_is_in_the_table_of_methods_and_no_other():
    named = [name for _, use in table("The methods", "to do this") for name in in_backticks(use)]
    methods = [name for name in vars(Buckets) if not name.startswith("_") and callable(getattr(Buckets, name))]
    assert sorted(named) == sorted(set(methods) - {"close"})


def test_near_methods_are_told_apart_as_in_the_help_of_the_client():
    rows = table("The methods", "method")
    assert rows
    lines = [re.split(r"\s{2,}", line.strip()) for line in (Buckets.__doc__ or "").splitlines()]
    helped = {name.strip("`"): text for name, text in (line for line in lines if len(line) == 2)}
    assert {name.strip("`"): text.replace("`", "") for name, text in rows} == {
        name: text.replace("`", "") for name, text in helped.items() if hasattr(Buckets, name)
    }


def test_every_command_and_every_exit_code_is_in_a_table_and_no_other():
    named = [name for _, use in table("In a terminal", "to do this") for name in in_backticks(use)]
    assert sorted(named) == sorted(main.list_commands(Context(main)))
    codes = [int(code) for code, _ in table("In a terminal", "exit code")]
    assert codes == [DONE, FAILED, UsageError.exit_code, NOTHING_MATCHED, REFUSED, PARTLY_DONE, INTERRUPTED]


def test_the_commands_of_the_readme_are_written_as_they_are_taken():
    lines = [
        line.partition("    #")[0]
        for block in re.findall(r"```bash\n(.*?)```", README, flags=re.S)
        for line in block.splitlines()
    ]
    called = [shlex.split(line.partition(" > ")[0])[1:] for line in lines if line.startswith("bucketsnb ")]
    assert called
    for name, *arguments in called:
        command = main.get_command(Context(main), name)
        assert command is not None, name
        given = ["README.md" if one.endswith((".csv", ".json")) and name == "deposit" else one for one in arguments]
        command.make_context(name, given)  # raises for what it does not take


def test_ten_words_are_explained():
    assert [word for word, _ in table("Ten words", "word")] == TEN_WORDS


def test_the_map_names_what_stands_and_leaves_nothing_out():
    named = [name.rstrip("/") for where, _ in table("The map of the code", "where") for name in in_backticks(where)]
    here = {ROOT / name for name in named} | {ROOT / "bucketsnb" / name for name in named}
    missing = [name for name in named if not ((ROOT / name).exists() or (ROOT / "bucketsnb" / name).exists())]
    parts = [path for path in (ROOT / "bucketsnb").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert missing == []
    assert [path.name for path in parts if path not in here and not path.name.startswith("__")] == []


def test_what_the_map_names_for_additions_is_there():
    rows = table("The map of the code", "to add")
    assert [what for what, _ in rows] == ["a filter word", "a column", "a panel", "a store", "a verb"]
    for _, where in rows:
        named = in_backticks(where)
        places = [name for name in named if "/" in name or name.endswith(".py")]
        paths = [ROOT / place if place.startswith("tests/") else ROOT / "bucketsnb" / place for place in places]
        assert [str(path) for path in paths if not path.exists()] == []
        source = "".join(path.read_text("utf-8") for path in paths if path.is_file())
        assert [name for name in named if name not in places and name not in source] == []
