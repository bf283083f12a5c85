#!/usr/bin/env python
"""Fetch published data sets, check them, and keep them in the tutorial's format."""

import sys

if __name__ == "__main__":
    import launcher

    launcher.start()
    from dltutorials.commands.download_data import main

    sys.exit(main())
