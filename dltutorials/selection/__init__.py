"""Model selection: many training runs over a grid of hyperparameters, compared."""
