"""`--engine ray`: the same stages on many machines, through Ray Data."""
