"""The stages; none does input or output."""
