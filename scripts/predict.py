#!/usr/bin/env python
"""Predict the labels of test images, or of photos of digits, with saved parameters."""

import sys

if __name__ == "__main__":
    import launcher

    launcher.start()
    from dltutorials.commands.predict import main

    sys.exit(main())
