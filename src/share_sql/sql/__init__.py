"""One SQL text: taken out of what a model wrote, parsed, its names resolved."""
