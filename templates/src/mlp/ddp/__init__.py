"""An MLP in several processes, which average their gradients."""
