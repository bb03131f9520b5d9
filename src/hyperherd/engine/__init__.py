"""THE VERBS, one a module."""
