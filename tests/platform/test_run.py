"""run.py as people start it: another checkout, another process, only the standard library."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).parents[2] / "run.py"


@pytest.fixture
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run", RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout in a folder with a space, whose locks are empty and whose manage.py tells its arguments."""
    folder = tmp_path / "with a space"
    (folder / "requirements").mkdir(parents=True)
    for group in ("base", "local", "test", "dev"):
        (folder / "requirements" / f"{group}.lock").touch()
    (folder / "manage.py").write_text("import sys; print('manage', sys.argv[1:], sys.prefix)")
    shutil.copy(RUN, folder)
    return folder


def start(checkout: Path, *words: str) -> "subprocess.Popen[str]":
    without_servers = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, checkout / "run.py", *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=without_servers
    )


def test_run_makes_the_environment_once_and_passes_words_on(checkout):
    first, _ = start(checkout, "migrate", "--plan").communicate()
    second, _ = start(checkout).communicate()
    third, _ = start(checkout, "--port", "9000").communicate()

    assert first.splitlines()[-1] == f"manage ['migrate', '--plan'] {checkout / '.venv'}"
    assert "Installing" in first
    assert second == f"manage ['up'] {checkout / '.venv'}\n"
    assert third == f"manage ['up', '--port', '9000'] {checkout / '.venv'}\n"


def test_two_first_starts_at_once_install_once(checkout):
    both = [start(checkout, "check"), start(checkout, "check")]
    said = [process.communicate()[0] for process in both]

    assert sum("Installing" in words for words in said) == 1
    assert [words.splitlines()[-1] for words in said] == [f"manage ['check'] {checkout / '.venv'}"] * 2


def test_a_changed_lock_installs_again(checkout):
    start(checkout, "check").communicate()
    (checkout / "requirements" / "local.lock").write_text("# changed\n")

    assert "Installing" in start(checkout, "check").communicate()[0]


def test_a_larger_group_stays(checkout, run, monkeypatch):
    monkeypatch.setattr(run, "HERE", checkout)
    monkeypatch.setattr(run, "VENV", checkout / ".venv")
    monkeypatch.setattr(run, "PYTHON", checkout / ".venv/bin/python")
    monkeypatch.setattr(run, "STAMP", checkout / ".venv/installed")

    run.install("dev")
    run.install("local")

    assert (checkout / ".venv/installed").read_text().split()[0] == "dev"


@pytest.mark.parametrize(
    ("platform", "libc", "sentence"),
    [
        ("win32", "", "Campanile runs on Linux and macOS. On Windows, use it inside WSL."),
        (
            "linux",
            "",
            "There are no PostgreSQL and Redis to bring along for this Linux (no glibc):"
            " set DATABASE_URL and REDIS_URL to your own servers.",
        ),
    ],
)
def test_an_unsupported_platform_gets_one_sentence(run, monkeypatch, platform, libc, sentence):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(run.sys, "platform", platform)
    monkeypatch.setattr(run.platform, "libc_ver", lambda: (libc, ""))

    with pytest.raises(SystemExit) as end:
        run.main([])

    assert end.value.code == sentence


def test_an_old_python_without_a_newer_one_gets_one_sentence(run, monkeypatch):
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(run.platform, "python_version", lambda: "3.9.2")
    monkeypatch.setattr(run.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit) as end:
        run.main([])

    assert end.value.code == "Campanile needs Python 3.11 or newer; this is 3.9.2 and there is no other here."


def test_a_full_disk_gets_one_sentence(checkout, run, monkeypatch):
    monkeypatch.setattr(run, "HERE", checkout)
    monkeypatch.setattr(run, "STAMP", checkout / ".venv/installed")
    monkeypatch.setattr(run, "PYTHON", checkout / ".venv/bin/python")
    monkeypatch.setattr(run.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))

    with pytest.raises(SystemExit) as end:
        run.main([])

    assert end.value.code == f"Setting up needs 700 MB of disk and {checkout} has less."


def test_packages_that_do_not_install_leave_no_stamp(checkout):
    (checkout / "requirements" / "local.lock").write_text("not a requirement\n")

    said, _ = start(checkout).communicate()

    assert said.splitlines()[-1].startswith("The packages could not be installed")
    assert not (checkout / ".venv/installed").exists()
