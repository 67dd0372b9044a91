"""`python -m bench.run [what] …`: what the product costs, as ratios to what the machine can do.

Each measurement runs limit and product in turn, several rounds, and prints medians. Sizes are options, so that it can
be tried small. Each has a process of its own, and a database on the embedded server or the one DATABASE_URL names.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Iterator

from bench import servers
from bench.report import Line

# What is measured → its database: one is filled anew by each, the other keeps its people from run to run.
MEASURED = {
    "pull": "campanile_bench",
    "import": "campanile_bench",
    "webhooks": "campanile_bench",
    "events": "campanile_bench",
    "pages": "campanile_bench_people",
    "segments": "campanile_bench_people",
    "export": "campanile_bench_people",
    "tagging": "campanile_bench_people",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*MEASURED, []], default=[])
    parser.add_argument("--people", type=int, default=200_000, help="contacts behind the pages")
    parser.add_argument("--pulled", type=int, default=200_000, help="contacts in the account that is pulled")
    parser.add_argument(
        "--provider", action="append", help="whose accounts are pulled; again for more; else all"
    )
    parser.add_argument("--imported", type=int, default=1_000_000, help="rows of the file that is imported")
    parser.add_argument("--events", type=int, default=1_000_000, help="events to apply")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="how long each load lasts")
    options = parser.parse_args()
    servers.hold()
    failed = False
    for name in options.what or MEASURED:
        process = multiprocessing.get_context("spawn").Process(target=_measure, args=(name, options))
        process.start()
        process.join()
        failed |= process.exitcode != 0
    sys.exit(failed)


def _measure(name: str, options: argparse.Namespace) -> None:
    servers.prepare(MEASURED[name])

    import django

    django.setup()
    from django.core.management import call_command

    from config.celery import collect_seldom

    call_command("migrate", verbosity=0)
    collect_seldom()  # as a worker
    for line in _lines(name, options):
        print(line, flush=True)


def _lines(name: str, options: argparse.Namespace) -> Iterator[Line]:
    from accounts.providers import PROVIDERS
    from bench import applying, exporting, importing, pages, pulling, segments, tagging, webhooks

    rounds = options.rounds
    match name:
        case "pull":
            for slug in options.provider or PROVIDERS:
                yield from pulling.measure(slug=slug, people=options.pulled, rounds=rounds)
        case "import":
            yield from importing.measure(rows=options.imported, rounds=rounds)
        case "webhooks":
            yield from webhooks.measure(rounds=rounds, seconds=options.seconds)
        case "events":
            yield from applying.measure(events=options.events, rounds=rounds)
        case "pages":
            yield from pages.measure(people=options.people, rounds=rounds, seconds=options.seconds)
        case "segments":
            yield from segments.measure(people=options.people, rounds=rounds)
        case "export":
            yield from exporting.measure(people=options.people, rounds=rounds)
        case "tagging":
            yield from tagging.measure(people=options.people, rounds=rounds)


if __name__ == "__main__":
    main()
