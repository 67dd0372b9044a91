import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = json.loads((ROOT / "static/vendor/vendor.json").read_text())


def test_vendored_files_are_what_the_list_says() -> None:
    stored = {
        entry["file"]: hashlib.sha256((ROOT / entry["file"]).read_bytes()).hexdigest() for entry in ENTRIES
    }

    assert stored == {entry["file"]: entry["sha256"] for entry in ENTRIES}


def test_every_vendored_file_is_listed() -> None:
    own = {"static/vendor/package.json", "static/vendor/package-lock.json", "static/vendor/vendor.json",
           "static/vendor/update.py", "static/vendor/.npmrc"}  # fmt: skip
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("static/vendor", "tests/vendor")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "node_modules" not in path.parts
    }

    assert found - own == {entry["file"] for entry in ENTRIES}


def test_versions_are_those_of_the_lock() -> None:
    lock = json.loads((ROOT / "static/vendor/package-lock.json").read_text())["packages"]

    assert {(entry["package"], entry["version"]) for entry in ENTRIES} == {
        (name.removeprefix("node_modules/"), about["version"]) for name, about in lock.items() if name
    }


def test_no_vendored_script_names_a_source_map() -> None:
    scripts = [entry["file"] for entry in ENTRIES if entry["file"].endswith((".js", ".css"))]

    assert [name for name in scripts if b"sourceMappingURL=" in (ROOT / name).read_bytes()] == []
