"""Hydra's ``--multirun`` as a sweep of herd's: one array, no pickles. Only for applications that have Hydra."""
