"""Training jobs: the request, what a status means, images, hyperparameters, prices."""
