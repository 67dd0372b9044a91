"""Mails to the people who use Campanile. Not the mails they send."""

from collections.abc import Collection, Mapping
from smtplib import SMTPException
from typing import Any

import structlog
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

log = structlog.get_logger(__name__)


def send(template: str, *, to: Collection[str], context: Mapping[str, Any]) -> bool:
    """One mail per person; the template's first line is the subject. A mail server that is away is not raised."""
    subject, _, body = render_to_string(template, dict(context)).strip().partition("\n")
    try:
        for address in to:
            EmailMessage(" ".join(subject.split()), body.strip() + "\n", to=[address]).send()
    except (SMTPException, OSError) as error:
        log.warning("mail.failed", template=template, error=type(error).__name__)
        return False
    return True
