"""What a job asks of a machine, what machines have, and whether the one meets the other. Standard library, no I/O."""
