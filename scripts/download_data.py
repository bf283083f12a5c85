#!/usr/bin/env python
"""Download published data sets, check them, and store them in the tutorial's format."""

if __name__ == "__main__":
    import launcher

    launcher.run("download_data")
