"""What a dataset is: its configuration, the contract of its files, the recipe that makes numbers of them."""
