"""The application: the one room that names concrete classes, and wires them by hand.

``build`` makes a service out of settings, ``preflight`` looks at both ends before anything is copied, and
``run`` takes it all from the first signal handler to the last closed file. Nothing is decided here that
the engine could decide, and nothing here prints: it raises, and it logs.

Nothing is imported here, because a command that only looks should not wait for the HTTP framework.
"""
