"""`python -m bench.run [pages] [pull] [import] [webhooks] [events]`: what the product costs, as ratios to what the machine can do.

Each measurement runs limit and product in turn, several rounds, and prints medians. Sizes are options, so that it can
be tried small. It has a database of its own, on the embedded server or the one DATABASE_URL names.
"""

import argparse
from collections.abc import Iterator

from bench import servers
from bench.report import Line


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument(
        "what", nargs="*", choices=["pages", "pull", "import", "webhooks", "events", []], default=[]
    )
    parser.add_argument("--people", type=int, default=1_000_000, help="contacts behind the list page")
    parser.add_argument("--pulled", type=int, default=200_000, help="contacts in the account that is pulled")
    parser.add_argument(
        "--provider", action="append", help="whose accounts are pulled; again for more; else all"
    )
    parser.add_argument("--imported", type=int, default=1_000_000, help="rows of the file that is imported")
    parser.add_argument("--events", type=int, default=1_000_000, help="events to apply")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="how long each load lasts")
    options = parser.parse_args()
    servers.prepare()

    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for line in _lines(options):
        print(line, flush=True)


def _lines(options: argparse.Namespace) -> Iterator[Line]:
    from accounts.providers import PROVIDERS
    from bench import applying, importing, pages, pulling, webhooks

    wanted = options.what or ["pages", "pull", "import", "webhooks", "events"]
    if "pull" in wanted:
        for slug in options.provider or PROVIDERS:
            yield from pulling.measure(slug=slug, people=options.pulled, rounds=options.rounds)
    if "import" in wanted:
        yield from importing.measure(rows=options.imported, rounds=options.rounds)
    if "webhooks" in wanted:
        yield from webhooks.measure(rounds=options.rounds, seconds=options.seconds)
    if "events" in wanted:
        yield from applying.measure(events=options.events, rounds=options.rounds)
    if "pages" in wanted:
        yield from pages.measure(people=options.people, rounds=options.rounds, seconds=options.seconds)


if __name__ == "__main__":
    main()
