#!/usr/bin/env python3
"""Campanile on this machine. Needs Python 3.11 or newer and nothing else.

python3 run.py [up] [--port N]   start everything and print the address; Ctrl-C stops all of it
python3 run.py test [...]        run the tests; what follows goes to pytest
python3 run.py dev COMMAND ...   run a development tool, such as: dev ruff check
python3 run.py COMMAND ...       anything else goes to manage.py, such as: migrate
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"  # the group that is installed, and the checksum of its lock
GROUPS = ["base", "local", "test", "dev"]  # each contains the one before
OLDEST = (3, 11)
DISK_MB = 700


def main(words: "list[str]") -> None:
    if words[:1] in (["-h"], ["--help"], ["help"]):
        sys.exit(__doc__)
    check_platform()
    if sys.version_info < OLDEST:
        continue_with_newer_python(words)
    word = words[0] if words and not words[0].startswith("-") else "up"
    rest = words[1:] if words[:1] == [word] else words
    own_servers = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
    group = word if word in ("test", "dev") else "base" if own_servers else "local"
    try:
        install(group)
    except OSError as problem:
        sys.exit(f"{HERE} cannot be set up: {problem.strerror or problem}. Is the disk full, or not yours?")
    if word == "test":
        os.chdir(HERE)
        os.environ.setdefault(
            "EMBEDDED", "true"
        )  # on your own servers too, tests need no production settings
        start(PYTHON, "-m", "pytest", *(rest or ["-n", "2", "--dist", "worksteal"]))
    elif word == "dev":
        start(VENV / "bin" / rest[0], *rest[1:]) if rest else None
    else:
        start(PYTHON, HERE / "manage.py", word, *rest)


def check_platform() -> None:
    if sys.platform == "win32":
        sys.exit("Campanile runs on Linux and macOS. On Windows, use it inside WSL.")
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
            sys.exit(
                "There are no PostgreSQL and Redis to bring along for this Linux (no glibc):"
                " set DATABASE_URL and REDIS_URL to your own servers."
            )


def continue_with_newer_python(words: "list[str]") -> None:
    for name in ("python3.13", "python3.12", "python3.11"):
        found = shutil.which(name)
        if found:
            start(found, __file__, *words)
    sys.exit(
        f"Campanile needs Python 3.11 or newer; this is {platform.python_version()} and there is no other here."
    )


def install(group: str) -> None:
    """Have the group's packages in .venv, exactly as locked. Does nothing when they are there."""
    import fcntl  # here: the sentence for Windows comes first

    (HERE / ".state").mkdir(mode=0o700, exist_ok=True)
    with (HERE / ".state" / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two starts at once: the second finds everything done
        installed, _, checksum = STAMP.read_text().partition(" ") if STAMP.exists() else ("base", "", "")
        group = max(group, installed, key=GROUPS.index)
        pins = HERE / "requirements" / f"{group}.lock"
        wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
        if (installed, checksum) == (group, wanted) and PYTHON.exists():
            return
        if shutil.disk_usage(HERE).free < DISK_MB * 1_000_000:
            sys.exit(f"Setting up needs {DISK_MB} MB of disk and {HERE} has less.")
        print(f"Installing what Campanile needs into {VENV} (once, about a minute) …", flush=True)
        command = [*make_environment(), "-q", "--require-hashes", "-r", pins]
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit("The packages could not be installed: the lines above say why. Is this machine online?")
        STAMP.write_text(f"{group} {wanted}")


def make_environment() -> "list[str | Path]":
    """Make .venv and return the command that installs into it: uv, its own pip or this Python's."""
    uv = shutil.which("uv")
    with_pip = not uv and works(sys.executable, "-c", "import ensurepip")
    if not works(PYTHON, "-c", ""):
        options = [] if with_pip else ["--without-pip"]
        if subprocess.run([sys.executable, "-m", "venv", "--clear", *options, VENV], check=False).returncode:
            sys.exit(
                f"{sys.executable} could not make an environment; on Debian: apt-get install python3-venv"
            )
    if uv:
        return [uv, "pip", "install", "--python", PYTHON]
    if works(PYTHON, "-m", "pip", "--version"):
        return [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if works(sys.executable, "-m", "pip", "--version"):
        return [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--disable-pip-version-check"]
    sys.exit("This Python has neither ensurepip nor pip; on Debian: apt-get install python3-venv")


def works(program: "str | Path", *arguments: str) -> bool:
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def start(program: "str | Path", *arguments: "str | Path") -> None:
    sys.stdout.flush()
    os.execv(program, [str(program), *(str(argument) for argument in arguments)])


if __name__ == "__main__":
    main(sys.argv[1:])
