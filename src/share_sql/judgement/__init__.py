"""Numbers: logistic models, the rows of features they read, and the file of weights."""
