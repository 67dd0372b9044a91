#!/usr/bin/env python3
"""Django's command line, with the embedded servers running if no others are configured."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["up"] and not os.environ.get("SECRET_KEY"):
        os.environ.setdefault(
            "EMBEDDED", "true"
        )  # on your own servers too, unless they are set up for production
    from django.conf import settings
    from django.core.management import execute_from_command_line

    from config import embedded

    if settings.SERVERS_EMBEDDED:
        try:
            embedded.hold()
        except embedded.EmbeddedError as problem:
            sys.exit(str(problem))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
