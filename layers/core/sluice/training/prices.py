"""What a training job costs, roughly: a hint for the run's record, not a bill.

Approximate on-demand prices of SageMaker AI training in us-east-1, USD per hour, not checked against the price list of
the day. Other regions differ; a type that is not listed has no estimate rather than a made-up one.
"""

from __future__ import annotations

from typing import Final

USD_PER_HOUR: Final = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
}


def training_price_usd(instance_type: str, billable_seconds: int, instances: int = 1) -> float | None:
    """Price of ``billable_seconds`` on each of the instances, or None if the type's price is not known here."""
    hourly = USD_PER_HOUR.get(instance_type)
    return None if hourly is None else round(hourly * instances * billable_seconds / 3600, 6)
