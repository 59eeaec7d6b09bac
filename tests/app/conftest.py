"""What several tests of the app share."""

import pytest

from app.session import Model, load


@pytest.fixture(scope="session")
def loaded() -> Model:
    """The bundled checkpoint, loaded once a test session."""
    return load()
