"""A language model that learns from rewards that can be verified."""
