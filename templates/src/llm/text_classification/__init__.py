"""A language model that learns which kind a text is of."""
