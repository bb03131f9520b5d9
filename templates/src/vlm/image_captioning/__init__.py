"""A model that learns to say what is on a picture."""
