"""The command ``sluice``: drop a table, see how its run ended and why, get predictions, approve or roll back.

It works on a stack in an AWS account and on the local AWS alike, through boto3 alone. What imports slowly is imported
by the function that needs it, so that ``sluice --help`` answers at once.
"""
