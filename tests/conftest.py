"""What all lanes share: descriptions of AWS's services that are read once."""

from __future__ import annotations

import functools

import botocore.loaders
import botocore.session

# moto takes the default session away before each test, and with it the loader that keeps what it has read: each test
# would parse the descriptions of all services that it has clients of again, which took longer than most tests.
botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
