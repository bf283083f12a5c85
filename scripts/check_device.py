#!/usr/bin/env python
"""Report the device, whether the data fit on it, and how fast an epoch is."""

if __name__ == "__main__":
    import launcher

    launcher.run("check_device")
