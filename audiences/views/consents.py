from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from accounts.http import WorkspaceRequest, go, say, workspace_view
from accounts.models import Role
from audiences import queries, services
from audiences.forms import SuppressForm
from audiences.forms.consents import ConsentForm
from audiences.models import Consent
from audiences.views import contacts


@workspace_view(role=Role.EDITOR, methods=("POST",))
def record_consent(request: WorkspaceRequest, contact_id: int) -> HttpResponse:
    """Write down what a person said; taken back, it holds at once."""
    contact = get_object_or_404(request.workspace.contacts, pk=contact_id)
    form = ConsentForm(request.POST, workspace=request.workspace)
    if form.is_valid() and form.attempt(services.record_consent, contact=contact, by=request.user):
        say(request, _done(form.result))
        return go(request, contact)
    return contacts.page(request, contact, SuppressForm(), consent=form)


def _done(consent: Consent) -> str:
    match consent.purpose, consent.kind, consent.list:
        case Consent.Purpose.MAIL, Consent.Kind.WITHDRAWN, None if not queries.is_suppressed(consent.contact):
            return "Recorded. It is older than the consent that lifted the last block, which stands."
        case Consent.Purpose.MAIL, Consent.Kind.WITHDRAWN, None:
            return "Recorded. Nobody here writes to this person any more."
        case Consent.Purpose.MAIL, Consent.Kind.WITHDRAWN, name:
            return f"Recorded. This person is off the list {name}."
    return "Recorded."
