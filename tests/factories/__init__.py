"""Rows for tests: believable, minimal, saved."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from accounts.models import Connection, Membership, Role, User, Workspace
from audiences.models import Contact, List, Subscription, Suppression
from campaigns.models import Campaign, Sender, Template


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.test")
    name = factory.Faker("name")

    @factory.post_generation
    def password(self, create: bool, extracted: str | None, **_: Any) -> None:
        self.set_password(extracted or "a long password")  # type: ignore[attr-defined]
        if create:
            self.save()  # type: ignore[attr-defined]


class WorkspaceFactory(DjangoModelFactory):
    class Meta:
        model = Workspace

    name = factory.Sequence(lambda n: f"Brand {n}")
    slug = factory.Sequence(lambda n: f"brand-{n}")
    postal_address = "Campanile Ltd, Tower Street 1, 1000 Brussels"


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)
    role = Role.ADMIN


class ConnectionFactory(DjangoModelFactory):
    """A saved connection to the sandbox's Brevo; `api_key` names the account."""

    class Meta:
        model = Connection

    api_key = "sandbox-test"
    workspace = factory.SubFactory(WorkspaceFactory)
    provider = "brevo"
    name = "Brevo"
    base_url = "http://127.0.0.1:1/brevo/v3"  # nothing answers; tests with a sandbox pass its address
    status = Connection.Status.READY
    fingerprint = factory.Sequence(lambda n: f"account-{n}")

    @classmethod
    def _create(
        cls, model_class: type[Connection], *args: Any, api_key: str = "sandbox-test", **kwargs: Any
    ) -> Connection:
        connection = model_class(*args, **kwargs)
        connection.set_credentials({"api_key": api_key})
        connection.set_webhook_secrets(["webhook-secret"])
        connection.save()
        return connection


class ContactFactory(DjangoModelFactory):
    class Meta:
        model = Contact

    workspace = factory.SubFactory(WorkspaceFactory)
    email = factory.Sequence(lambda n: f"reader{n}@example.test")
    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")


class ListFactory(DjangoModelFactory):
    class Meta:
        model = List

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"List {n}")


class SubscriptionFactory(DjangoModelFactory):
    class Meta:
        model = Subscription

    list = factory.SubFactory(ListFactory)
    contact = factory.SubFactory(ContactFactory, workspace=factory.SelfAttribute("..list.workspace"))


class SuppressionFactory(DjangoModelFactory):
    class Meta:
        model = Suppression

    contact = factory.SubFactory(ContactFactory)
    workspace = factory.SelfAttribute("contact.workspace")
    email = factory.SelfAttribute("contact.email")
    reason = Suppression.Reason.UNSUBSCRIBED


class SenderFactory(DjangoModelFactory):
    class Meta:
        model = Sender

    workspace = factory.SubFactory(WorkspaceFactory)
    name = "Campanile News"
    email = factory.Sequence(lambda n: f"news{n}@example.test")


class TemplateFactory(DjangoModelFactory):
    class Meta:
        model = Template

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"Template {n}")
    subject = "What the bells say"


class CampaignFactory(DjangoModelFactory):
    """A draft of raw HTML that lacks nothing but its audience."""

    class Meta:
        model = Campaign

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"Campaign {n}")
    subject = 'Hello {{ contact.first_name|default:"friend" }}'
    form = Campaign.Form.HTML
    html = (
        '<html><body><p>Hello {{ contact.first_name|default:"friend" }},</p>'
        '<p><a href="https://example.test/news">Read on</a></p>'
        '<p>{{ workspace.postal_address }} · <a href="{{ unsubscribe_url }}">Leave</a></p></body></html>'
    )
    sender = factory.SubFactory(SenderFactory, workspace=factory.SelfAttribute("..workspace"))
    connection = factory.SubFactory(ConnectionFactory, workspace=factory.SelfAttribute("..workspace"))
