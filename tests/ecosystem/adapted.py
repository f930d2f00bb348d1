"""A plugin of pytest's: on csock, what csock.adapt() knows is adapted before it is loaded."""

import sys

if "csock" in sys.modules:
    sys.modules["csock"].adapt()
