"""csock in place before a program begins: what the line in csock.pth imports.

Runs in every interpreter of an environment, so it must neither break one nor cost time. The line
for the .pth file is here, too; whoever writes one takes it from here.
"""

import csock

# It has to be one line that begins with `import`, and must not raise if csock is gone.
LINE = (
    "import sys; exec('try:\\n import csock._pth\\n csock._pth.begin(\"csock.pth\")\\n"
    "except Exception as e:\\n print(f\"csock: csock.pth does not work: {e}\", file=sys.stderr)')"
)


def begin(by):
    """Install csock. What keeps it from that is said in one line, and stock stays in place."""
    try:
        from csock import _install

        _install.install()
        if _install.by is None and _install.installed():
            _install.by = by
    except Exception as error:
        csock._say(f"not in place by {by}: {error}")
