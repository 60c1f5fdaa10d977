"""What all rooms use of AWS: the frame of a function, S3 objects, the meaning of errors."""
