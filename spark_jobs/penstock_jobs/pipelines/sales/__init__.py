"""The sales pipeline: revenue per five minutes from subscription events. `jobs`: what the manifest's kinds mean."""

from __future__ import annotations

from collections.abc import Mapping

from penstock_jobs.job import Job
from penstock_jobs.pipelines.sales.bronze import BronzeJob
from penstock_jobs.pipelines.sales.dq import DqJob
from penstock_jobs.pipelines.sales.gold import GoldJob
from penstock_jobs.pipelines.sales.silver import SilverJob

jobs: Mapping[str, type[Job]] = {"bronze": BronzeJob, "silver": SilverJob, "gold": GoldJob, "dq": DqJob}
