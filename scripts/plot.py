#!/usr/bin/env python
"""Make pictures from what a training saved: its history, its parameters, its snapshots."""

import sys

if __name__ == "__main__":
    import launcher

    launcher.start()
    from dltutorials.commands.plot import main

    sys.exit(main())
