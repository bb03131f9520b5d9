"""A snapshot made into something to look at. Views decide nothing."""
