"""What a trainer imports: the standard library only, and light at import."""
