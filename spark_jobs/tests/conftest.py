"""Fixtures shared by the tests of the runner and of the pipelines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from penstock_jobs.session import local_session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Real Spark in local mode with the connector jars and the settings of the runner."""
    jars = os.environ.get("PENSTOCK_SPARK_JARS_DIR")
    if not jars:
        pytest.fail("PENSTOCK_SPARK_JARS_DIR is not set; expected the folder of the connector jars")
    session = local_session(Path(jars), tmp_path_factory.mktemp("warehouse"))
    yield session
    session.stop()
