"""WHAT IS KNOWN: the files of ``.hyperherd/``, one module a file."""
