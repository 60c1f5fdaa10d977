"""The addresses of the built-in XGBoost image. That the table is right is for tests/contract/sdk to say."""

from __future__ import annotations

import re

import pytest

from sluice.messages import Trainer
from sluice.training.images import ACCOUNTS, UnknownRegionError, image_of, training_image


@pytest.mark.parametrize("region", sorted(ACCOUNTS))
def test_an_image_lies_in_the_registry_of_its_own_region(region: str) -> None:
    form = rf"\d{{12}}\.dkr\.ecr\.{region}\.[a-z0-9.]+/sagemaker-xgboost:3\.2-0"
    assert re.fullmatch(form, training_image(region))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "683313688378.dkr.ecr.us-east-1.amazonaws.com"),
        ("cn-north-1", "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "833128469047.dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "281123927165.dkr.ecr.us-isob-east-1.sc2s.sgov.gov"),
        ("us-isof-south-1", "124985052026.dkr.ecr.us-isof-south-1.csp.hci.ic.gov"),
    ],
)
def test_each_partition_has_its_own_dns_suffix(region: str, host: str) -> None:
    assert training_image(region).split("/")[0] == host


@pytest.mark.parametrize("region", ["", "mars-north-1", "us-east-1a", "US-EAST-1"])
def test_an_unknown_region_is_named_beside_the_known_ones(region: str) -> None:
    with pytest.raises(UnknownRegionError, match=re.escape(repr(region))) as caught:
        training_image(region)
    assert caught.value.region == region
    assert "eu-central-1" in caught.value.known
    assert "eu-central-1" in str(caught.value)


def test_what_a_job_ran_is_not_worked_out_again() -> None:
    trainer = Trainer(algorithm="another:1.0", image="000000000000.dkr.ecr.eu-west-1.amazonaws.com/another:1.0")
    assert image_of(trainer, "us-east-1") == trainer.image


def test_a_run_of_the_release_before_ran_the_one_image_that_it_knew() -> None:
    assert image_of(None, "us-east-1") == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def test_an_algorithm_without_an_image_serves_no_model() -> None:
    with pytest.raises(ValueError, match="an-algorithm names no image"):
        image_of(Trainer(algorithm="an-algorithm"), "us-east-1")
