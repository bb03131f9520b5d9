"""A language model, fine-tuned in several processes."""
