#!/usr/bin/env python
"""Predict the labels of test images, or of photos of digits, with saved parameters."""

if __name__ == "__main__":
    import launcher

    launcher.run("predict")
