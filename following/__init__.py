"""Follows an execution of the pipeline and shows it: what the command line and the local AWS have in common.

It needs boto3's clients and a terminal, and knows nothing of who calls it.
"""
