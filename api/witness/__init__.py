"""A witness: another machine that remembers how long a log was, and cosigns only its growth.

It shares nothing with the service but the arithmetic of the tree and the form of notes.
"""
