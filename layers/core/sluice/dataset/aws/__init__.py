"""The dataset's documents in S3. Clients come first."""
