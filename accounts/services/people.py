"""Who belongs to a workspace, and what they may do."""

from functools import partial

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import activity, mail
from accounts.models import Invitation, Membership, Role, User, Workspace
from accounts.refusals import CannotDo


class CannotManage(CannotDo):
    pass


@transaction.atomic
def update_workspace(
    *, workspace: Workspace, by: User, name: str, time_zone: str, postal_address: str, test_addresses: str
) -> None:
    new = {
        "name": name,
        "time_zone": time_zone,
        "postal_address": postal_address,
        "test_addresses": test_addresses,
    }
    workspace = Workspace.objects.select_for_update().get(pk=workspace.pk)
    changed = {key: value for key, value in new.items() if getattr(workspace, key) != value}
    if not changed:
        return
    before = {key: getattr(workspace, key) for key in changed}
    for key, value in changed.items():
        setattr(workspace, key, value)
    workspace.version += 1
    workspace.save(update_fields=[*changed, "version"])
    activity.record(
        workspace,
        "workspace.changed",
        "Changed the settings of the workspace.",
        actor=by,
        subject=workspace,
        before=before,
        after=changed,
    )


def update_profile(*, user: User, name: str, time_zone: str) -> None:
    user.name, user.time_zone = name, time_zone
    user.save(update_fields=["name", "time_zone"])


# Members


@transaction.atomic
def change_role(*, membership: Membership, role: str, by: User) -> None:
    """Raises CannotManage for the last admin."""
    membership = _locked(membership)
    before = membership.role
    if role == before:
        return
    if before == Role.ADMIN:
        _keep_an_admin(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    activity.record(
        membership.workspace,
        "member.role_changed",
        f"{membership.user} is now {Role(role).label.lower()}.",
        actor=by,
        subject=membership,
        before={"role": before},
        after={"role": role},
    )


@transaction.atomic
def remove_member(*, membership: Membership, by: User) -> None:
    """Raises CannotManage for the last admin."""
    membership = _locked(membership)
    if membership.role == Role.ADMIN:
        _keep_an_admin(membership)
    activity.record(
        membership.workspace,
        "member.removed",
        f"Removed {membership.user} from the workspace.",
        actor=by,
        subject=membership,
        before={"role": membership.role, "user": membership.user_id},
    )
    membership.delete()


def _locked(membership: Membership) -> Membership:
    """One change of members at a time, so that two cannot remove each other as the last two admins."""
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
    found = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if found is None:
        raise CannotManage("This person is no longer a member.")
    return found


def _keep_an_admin(membership: Membership) -> None:
    others = Membership.objects.filter(workspace=membership.workspace, role=Role.ADMIN).exclude(
        pk=membership.pk
    )
    if not others.filter(user__is_active=True).exists():
        raise CannotManage(
            f"{membership.user} is the only admin. Make somebody else admin first, so that the workspace has one."
        )


# Invitations


@transaction.atomic
def invite(*, workspace: Workspace, email: str, role: str, by: User) -> str:
    """Mail a link that lets one person in, and answer it: it is shown once. A new one replaces an open one."""
    email = email.strip().lower()
    if Membership.objects.filter(workspace=workspace, user__email=email).exists():
        sentence = f"{email} is a member already. Change the role in the list of members."
        raise CannotManage(sentence, fields={"email": sentence})
    token, digest = Invitation.new_token()
    Invitation.objects.filter(workspace=workspace, email=email, accepted_at=None).delete()
    invitation = Invitation.objects.create(
        workspace=workspace, email=email, role=role, token_digest=digest, invited_by=by
    )
    activity.record(
        workspace,
        "member.invited",
        f"Invited {email} as {Role(role).label.lower()}.",
        actor=by,
        subject=invitation,
        after={"email": email, "role": role},
    )
    link = f"{settings.PUBLIC_URL}/invitations/{token}/"
    transaction.on_commit(
        partial(
            mail.send,
            "accounts/mails/invitation.txt",
            to=[email],
            context={"workspace": workspace, "by": by, "role": Role(role).label, "link": link},
        )
    )
    return link


@transaction.atomic
def revoke(*, invitation: Invitation, by: User) -> None:
    activity.record(
        invitation.workspace,
        "member.invitation_revoked",
        f"Took back the invitation of {invitation.email}.",
        actor=by,
        subject=invitation,
    )
    invitation.delete()


def open_invitation(token: str) -> Invitation | None:
    """The invitation behind a link, if it still lets somebody in."""
    invitation = (
        Invitation.objects.select_related("workspace", "invited_by")
        .filter(token_digest=Invitation.digest(token))
        .first()
    )
    return invitation if invitation is not None and invitation.is_open else None


@transaction.atomic
def accept(*, invitation: Invitation, user: User) -> Membership:
    """Raises CannotManage when it was used meanwhile, or is for somebody else."""
    if user.email != invitation.email:
        raise CannotManage(f"This invitation is for {invitation.email}; you are logged in as {user.email}.")
    if not Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(accepted_at=timezone.now()):
        raise CannotManage("This invitation was used already.")
    membership, made = Membership.objects.get_or_create(
        user=user, workspace=invitation.workspace, defaults={"role": invitation.role}
    )
    if made:
        activity.record(
            invitation.workspace,
            "member.joined",
            f"{user} joined as {Role(membership.role).label.lower()}.",
            actor=user,
            subject=membership,
            after={"role": membership.role},
        )
    return membership


@transaction.atomic
def accept_as_newcomer(*, invitation: Invitation, name: str, password: str) -> User:
    """Make the account the invitation vouches for, and let it in."""
    if User.objects.filter(email=invitation.email).exists():
        raise CannotManage(
            f"There is an account for {invitation.email} already. Log in, then open the link again."
        )
    user = User.objects.create_user(
        invitation.email, password, name=name, time_zone=invitation.workspace.time_zone
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    accept(invitation=invitation, user=user)
    return user
