"""`python -m csock`: see csock/_run.py. Its globals become the program's `__main__`."""

from csock._run import main

if __name__ == "__main__":
    main()
