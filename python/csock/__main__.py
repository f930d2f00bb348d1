"""`python -m csock`: see csock/_command.py. Its globals become the program's `__main__`."""

from csock._command import module

if __name__ == "__main__":
    module()
