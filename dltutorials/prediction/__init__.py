"""Saved models and photos: predicting with the parameters in a file."""
