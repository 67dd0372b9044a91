import pytest


@pytest.fixture
def fresh(monkeypatch):
    """Test clients log in without a password; what asks for a fresh one has a test of its own."""
    with monkeypatch.context() as patch:
        patch.setattr("accounts.http.logged_in_lately", lambda request: True)
        yield patch
