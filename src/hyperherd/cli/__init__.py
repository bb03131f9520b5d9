"""The commands, one small module a group."""
