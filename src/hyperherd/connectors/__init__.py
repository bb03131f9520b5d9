"""HOW a machine is reached. The only room that starts processes."""
