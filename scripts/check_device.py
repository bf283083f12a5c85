#!/usr/bin/env python
"""Say what computes here, whether the data fit there, and how fast an epoch is."""

if __name__ == "__main__":
    import launcher

    launcher.run("check_device")
