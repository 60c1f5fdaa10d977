"""Models, endpoint configurations and endpoints: the requests, and what SageMaker's answers mean."""
