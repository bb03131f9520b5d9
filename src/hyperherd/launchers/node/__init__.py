"""What runs on a node, in bash: the script of a batch, and the dialect in which it speaks to who queues it."""
