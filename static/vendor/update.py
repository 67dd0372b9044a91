"""Copy the files pages and tests carry from npm, and write down what they are.

    python3 static/vendor/update.py

Needs npm. To move to another version: change `package.json`, run `npm install --ignore-scripts` in this folder, run this,
look at the pages, commit everything. Pages never ask another host for a file.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# package → {file in the package: where it goes, from the root of the repository}
FILES = {
    "@fontsource-variable/instrument-sans": {
        "files/instrument-sans-latin-wght-normal.woff2": "static/vendor/instrument-sans/latin.woff2",
        "files/instrument-sans-latin-ext-wght-normal.woff2": "static/vendor/instrument-sans/latin-ext.woff2",
        "LICENSE": "static/vendor/instrument-sans/LICENSE",
    },
    "axe-core": {
        "axe.min.js": "tests/vendor/axe.min.js",
        "LICENSE": "tests/vendor/axe.LICENSE",
    },
}
TEXT = {".js", ".css"}
SOURCE_MAP = re.compile(rb"(?://|/\*)[#@]\s*sourceMappingURL=[^\s*]*(?:\s*\*/)?\s*")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
        entries = [
            copy(Path(folder, "node_modules", package), source, target)
            for package, files in FILES.items()
            for source, target in files.items()
        ]
    (HERE / "vendor.json").write_text(json.dumps(entries, indent=2) + "\n")
    print(f"{len(entries)} files written; vendor.json names their versions.")


def copy(package: Path, source: str, target: str) -> dict[str, str]:
    """Copy one file and describe it. A script's source map stays behind, so the line naming it goes too:
    hashed static files refuse a reference to a file that is not there."""
    about = json.loads((package / "package.json").read_text())
    content = (package / source).read_bytes()
    if Path(target).suffix in TEXT:
        content = SOURCE_MAP.sub(b"", content)
    path = ROOT / target
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {
        "file": target,
        "package": about["name"],
        "version": about["version"],
        "licence": about["license"],
        "source": source,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


if __name__ == "__main__":
    main()
