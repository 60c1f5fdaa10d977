"""What the command line and the local AWS have in common: a drop is checked and prepared, its execution is shown.

It needs boto3's clients and a terminal, and knows nothing of who calls it.
"""
