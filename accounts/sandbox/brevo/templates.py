"""Templates: the transactional ones, which campaigns copy their content from."""

from accounts.sandbox.brevo.senders import find_sender
from accounts.sandbox.brevo.state import JSON, Account, Sender, Template
from accounts.sandbox.brevo.tests_sent import send_test
from accounts.sandbox.brevo.wire import (
    Call,
    Fields,
    created,
    done,
    invalid,
    missing,
    not_found,
    read_email,
    refuse,
    stamp,
)
from accounts.sandbox.http import Reply, Routes

routes: Routes[Call] = Routes()


def _wire(account: Account, template: Template) -> dict[str, JSON]:
    sender = account.senders.get(template.sender_id)
    return {
        "id": template.id,
        "name": template.name,
        "subject": template.subject,
        "isActive": template.is_active,
        "testSent": template.test_sent,
        "sender": {
            "id": str(template.sender_id),
            "name": template.sender_name or (sender.name if sender else ""),
            "email": sender.email if sender else "",
        },
        "replyTo": template.reply_to or "[DEFAULT_REPLY_TO]",
        "toField": template.to_field,
        "tag": template.tag,
        "htmlContent": template.html,
        "createdAt": stamp(template.created_at),
        "modifiedAt": stamp(template.modified_at),
    }


def _find(call: Call) -> Template:
    template = call.account.templates.get(call.id("templateId"))
    if template is None:
        raise not_found("Template ID does not exist")
    return template


@routes.route("GET", "/smtp/templates")
def get_smtp_templates(call: Call) -> Reply:
    active = call.query_flag("templateStatus")
    rows = [row for row in call.account.templates.values() if active is None or row.is_active == active]
    page = call.page(50, 1000).cut(rows)
    return Reply(200, {"count": len(rows), "templates": [_wire(call.account, row) for row in page]})


@routes.route("GET", "/smtp/templates/{templateId}")
def get_smtp_template(call: Call) -> Reply:
    template = _find(call)
    return Reply(200, _wire(call.account, template) | {"doiTemplate": "params.DOIurl" in template.html})


@routes.route("POST", "/smtp/templates")
def create_smtp_template(call: Call) -> Reply:
    fields = call.fields()
    fields.require("sender", "templateName", "subject")
    if fields.has("htmlContent") == fields.has("htmlUrl"):
        raise (
            invalid("Only one of htmlContent or htmlUrl can be passed")
            if fields.has("htmlUrl")
            else missing("htmlContent")
        )
    account = call.account
    template = Template(0, "", "", "", 0, False, call.now, call.now)
    _write(call, template, fields)
    template.id = account.next_id("template")
    account.templates[template.id] = template
    return created({"id": template.id})


@routes.route("PUT", "/smtp/templates/{templateId}")
def update_smtp_template(call: Call) -> Reply:
    _write(call, _find(call), call.fields())
    return done()


def _write(call: Call, template: Template, fields: Fields) -> None:
    """Take over what the body says: everything is read and checked before anything changes."""
    given = fields.inner("sender")
    sender = _sender(call.account, given) if given else None
    html = _html(call, fields)
    name, subject, tag = fields.text("templateName"), fields.text("subject"), fields.text("tag")
    to_field, attachment = fields.text("toField"), fields.text("attachmentUrl")
    reply_to = read_email(fields.text("replyTo") or "", "replyTo") if fields.has("replyTo") else None
    active = fields.flag("isActive", template.is_active)

    if sender and given:
        template.sender_id, template.sender_name = sender.id, given.text("name") or ""
    template.name, template.subject = name or template.name, subject or template.subject
    template.tag, template.to_field = tag or template.tag, to_field or template.to_field
    template.attachment_url, template.reply_to = (
        attachment or template.attachment_url,
        reply_to or template.reply_to,
    )
    template.html, template.is_active, template.modified_at = html or template.html, active, call.now


def _sender(account: Account, given: Fields) -> Sender:
    sender = find_sender(account, given)
    if sender is None or not sender.active:
        raise invalid("Sender is invalid / inactive")
    return sender


def _html(call: Call, fields: Fields) -> str:
    html = fields.text("htmlContent") or ""
    if fields.has("htmlUrl"):
        try:
            html = call.store.fetch(fields.text("htmlUrl") or "").decode()
        except (OSError, ValueError):
            raise invalid("htmlUrl could not be read") from None
    if fields.has("htmlContent") and len(html) < 10:
        raise invalid("htmlContent should be at least 10 characters long")
    return html


@routes.route("DELETE", "/smtp/templates/{templateId}")
def delete_smtp_template(call: Call) -> Reply:
    template = _find(call)
    if template.is_active:
        raise refuse("bad_request", "Active templates cannot be deleted, deactivate the template first")
    del call.account.templates[template.id]
    return done()


@routes.route("POST", "/smtp/templates/{templateId}/sendTest")
def send_test_template(call: Call) -> Reply:
    template = _find(call)
    send_test(call, f"template {template.id}")
    template.test_sent = True
    return done()
