"""What speaks for or against a query: binding, values, the question's wording, results."""
