import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_lists_every_environment_variable():
    code = (ROOT / "config" / "settings.py").read_text() + (ROOT / "config" / "embedded.py").read_text()
    read = set(re.findall(r'\benv(?:\.\w+|iron\.get)\("([A-Z_]+)"', code))

    listed = set(re.findall(r"`([A-Z_]{5,})`", (ROOT / "README.md").read_text()))

    assert read - listed == set()
