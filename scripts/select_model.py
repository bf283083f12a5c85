#!/usr/bin/env python
"""Choose between models by their validation errors: train a whole grid, from several seeds."""

if __name__ == "__main__":
    import launcher

    launcher.run("select_model")
