#!/usr/bin/env python
"""Choose between models by their validation errors: train all of a grid, from several seeds."""

import sys

if __name__ == "__main__":
    import launcher

    launcher.start()
    from dltutorials.commands.select_model import main

    sys.exit(main())
