"""The six stages; none does input or output."""
