"""The container image of SageMaker's built-in XGBoost, by region.

AWS publishes the image from another account in each region and serves it under another DNS name in each partition, so
the address cannot be computed: this is a table. Source: ``sagemaker/core/image_uri_config/xgboost.json`` in the
SageMaker Python SDK; ``tests/contract/sdk`` holds every address here to the one that the SDK gives.

The same image trains and serves. A model must be served by a version at least as new as the one that trained it
(older ones load it silently and mispredict), so there is one version for both, and ``evaluate_model`` scores with
the same ``xgboost`` release.
"""

from __future__ import annotations

from typing import Final

from sluice.messages import Trainer

VERSION: Final = "3.2-0"
_UNRECORDED_VERSION: Final = "3.2-0"

ACCOUNTS: Final[dict[str, str]] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902",
    "us-iso-east-1": "833128469047",
    "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400",
    "us-isof-south-1": "124985052026",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}

_DEFAULT_SUFFIX: Final = "amazonaws.com"
# By the start of the region's name; AWS GovCloud (us-gov-) shares the suffix of the commercial partition.
_SUFFIXES: Final[dict[str, str]] = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}


class UnknownRegionError(ValueError):
    """The built-in XGBoost image is not known to exist in ``region``; ``known`` are the regions where it does."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.known = tuple(sorted(ACCOUNTS))
        super().__init__(
            f"no built-in XGBoost {VERSION} image is known for region {region!r}; known are {', '.join(self.known)}"
        )


def training_image(region: str) -> str:
    """The registry address of the image for a training job to come. That of a job that ran is :func:`image_of` it.

    Raises:
        UnknownRegionError: the region is not in the table.
    """
    return _image(region, VERSION)


def _image(region: str, version: str) -> str:
    account = ACCOUNTS.get(region)
    if account is None:
        raise UnknownRegionError(region)
    return f"{account}.dkr.ecr.{region}.{_suffix(region)}/sagemaker-xgboost:{version}"


def image_of(trainer: Trainer | None, region: str) -> str:
    """The image that a job ran, for what serves its model.

    Raises:
        ValueError: the job ran an algorithm that has no image of its own.
    """
    if trainer is None:
        # A run of the release before jobs' images were kept: that release knew one.
        return _image(region, _UNRECORDED_VERSION)
    if trainer.image is None:
        raise ValueError(f"{trainer.algorithm} names no image that could serve its model")
    return trainer.image


def _suffix(region: str) -> str:
    return next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), _DEFAULT_SUFFIX)
