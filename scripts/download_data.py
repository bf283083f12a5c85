#!/usr/bin/env python
"""Fetch published data sets, check them, and keep them in the tutorial's format."""

if __name__ == "__main__":
    import launcher

    launcher.run("download_data")
