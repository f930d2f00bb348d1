"""csock in place before a program begins: what the line in csock.pth imports.

Runs in every interpreter of an environment, so it must neither break one nor cost time. The line
for the .pth file is here, too; whoever writes one takes it from here.
"""

import csock

# It has to be one line that begins with `import`, and must not raise if csock is gone. Python runs
# the files of a virtual environment twice; what goes wrong is said once.
LINE = (
    "import sys; exec('try:\\n import csock._pth\\n csock._pth.begin(\"csock.pth\")\\n"
    "except Exception as e:\\n if not hasattr(sys, \"_csock_pth\"):\\n"
    "  sys._csock_pth = print(f\"csock: csock.pth does not work: {e}\", file=sys.stderr)')"
)

_failed = False


def begin(by):
    """Install csock. What keeps it from that is said in one line, and stock stays in place."""
    global _failed
    try:
        csock.install()
        if csock._by is None and csock._installed():
            csock._by = by
    except Exception as error:
        if not _failed:
            _failed = True
            csock._say(f"not in place by {by}: {error}")
