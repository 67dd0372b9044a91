"""A pull whose worker is killed, in a page and after one, goes on where it was and adds up."""

from pathlib import Path

import pytest

from accounts import pulls
from accounts.models import MirrorKind, MirrorRow, Pull
from audiences.models import Contact, Gathered, Subscription
from tests.audiences.there import There
from tests.conftest import SandboxServer
from tests.factories import WorkspaceFactory
from tests.installation import Installation


@pytest.mark.parametrize(
    ("slug", "points"),
    [
        # Each list has people of its own, which are gathered first.
        ("especial", ["in gather 3", "after people 3"]),
        # All people come in one answer.
        ("mailmojo", ["in people 2", "after people 3"]),
    ],
)
def test_a_pull_whose_workers_are_killed_adds_up(
    slug: str, points: list[str], installation: Installation, sandbox: SandboxServer, tmp_path: Path
) -> None:
    there = There(sandbox, slug, "sandbox-resilience")
    there.seed(lists=["News", "Test"], contacts=100)
    connection = there.connect(WorkspaceFactory(slug="acme"))
    sabotage = {"SABOTAGE": ",".join(points), "SABOTAGE_DONE": str(tmp_path)}

    def start_worker() -> None:
        Installation.start_worker(installation, "--include", "tests.resilience.pull_saboteur", **sabotage)

    start_worker()
    pull = pulls.start(connection=connection, by=None)
    for point in points:
        installation.wait_for((tmp_path / point).exists, f"The kill {point}")
        installation.kill("worker")
        start_worker()
    installation.wait_for(lambda: not Pull.objects.get().is_running, "An end")

    pull.refresh_from_db()
    counts = {name: count for name, count in pull.counts["audiences.pull_contacts"].items() if count}
    counts.pop("total", None)
    gathered = {"gathered": 120} if slug == "especial" else {}
    assert (pull.state, pull.note) == (Pull.State.DONE, "")
    assert counts == {"read": 100, "created": 100, **gathered}
    assert Contact.objects.count() == 100
    assert Subscription.objects.filter(status="subscribed").count() == 120
    assert MirrorRow.objects.filter(connection=connection, kind=MirrorKind.CONTACT).count() == 100
    assert not Gathered.objects.exists()
