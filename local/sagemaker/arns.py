"""ARNs of SageMaker's resources."""

from __future__ import annotations


def resource_arn(kind: str, name: str, account: str, region: str) -> str:
    """SageMaker writes names in ARNs in lower case (aws/amazon-sagemaker-examples issue 293)."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:sagemaker:{region}:{account}:{kind}/{name.lower()}"
