"""Templates are read only here: the provider's own editor makes them, or a seed."""

import re

from accounts.sandbox.http import Reply
from accounts.sandbox.mailmojo.state import JSON, Account, Template
from accounts.sandbox.mailmojo.wire import Call, Guarded

routes = Guarded()

READ = ("templates:read", "templates")


def add_template(account: Account, name: str, subject: str, html: str) -> Template:
    number = account.next_id("template")
    template = account.templates[number] = Template(number, name, subject, html)
    return template


def wire(call: Call, template: Template) -> dict[str, JSON]:
    """The content is not part of the reply; a newsletter is given the template's id. The preview shows it."""
    return {
        "id": template.id,
        "name": template.name,
        "slug": re.sub(r"[^a-z0-9]+", "-", template.name.lower()).strip("-"),
        "description": template.subject,
        "categories": [{"name": "newsletter"}],
        "is_editable": True,
        "data": {},
        "settings": {},
        "preview_url": call.public_url("preview", template.id),
        "screenshot_url": "",
        "product_category": "",
        "product_description": "",
        "product_id": [],
        "product_type": "",
    }


@routes.on("GET", "/templates/", *READ)
def get_templates(call: Call) -> Reply:
    return Reply(200, [wire(call, template) for template in call.account.templates.values()])


@routes.on("GET", "/templates/web_components/", *READ)
def get_available_web_components(call: Call) -> Reply:
    component = {
        "name": "Button",
        "tag": "mm-button",
        "attributes": [{"name": "href"}],
        "slots": [{"name": "default"}],
        "data": {
            "element": "class extends HTMLElement {}",
            "style": "a { padding: 12px }",
            "template": "<a><slot></slot></a>",
        },
    }
    return Reply(200, [component])
