"""The capability table of the providers' README says what the flags say."""

import dataclasses
import inspect
import re
from pathlib import Path

from accounts import providers
from accounts.providers import PROVIDERS, provider_class
from accounts.providers.capabilities import Capabilities

README = Path(inspect.getfile(providers)).with_name("README.md")
FLAGS = [field.name for field in dataclasses.fields(Capabilities) if field.name != "because"]


def capability_table() -> str:
    comments = dict(re.findall(r"((?:    # .*\n)+)    (\w+): bool", inspect.getsource(Capabilities)))
    meanings = {
        flag: " ".join(line.strip().lstrip("# ") for line in text.splitlines())
        for text, flag in comments.items()
    }
    classes = [provider_class(slug) for slug in PROVIDERS]
    rows = [["flag", "means", *(cls.name for cls in classes)], ["---"] * (2 + len(classes))]
    for flag in FLAGS:
        claims = ["yes" if getattr(cls.capabilities, flag) else "no" for cls in classes]
        rows.append([f"`{flag}`", meanings[flag], *claims])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = [
        f"- **{cls.name}**, `{flag}`: {sentence}"
        for cls in classes
        for flag, sentence in cls.capabilities.because.items()
    ]
    return "\n".join([table, "", "What pages add:", "", *notes])


def test_readme_shows_the_flags_as_they_are():
    shown = README.read_text().split("<!-- capabilities -->")[1].split("<!-- /capabilities -->")[0].strip()

    assert shown == capability_table(), f"Put this between the two marks:\n\n{capability_table()}"


def test_sentences_belong_to_flags():
    for slug in PROVIDERS:
        capabilities = provider_class(slug).capabilities
        missing = [
            flag for flag in FLAGS if not getattr(capabilities, flag) and flag not in capabilities.because
        ]

        assert set(capabilities.because) <= set(FLAGS)
        assert missing == []
