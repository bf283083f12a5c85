"""Prediction with saved models, also for photos."""
