import errno
import os
import pathlib
import signal
import subprocess
import sys
import threading

from dltutorials.exceptions import OutputError
from dltutorials.io.locks import OutputLocks

import pytest

HOLD = """
import sys, time
from dltutorials.io.locks import OutputLocks
with OutputLocks() as locks:
    locks.hold(sys.argv[1])
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Return a program that holds the lock of ``best.pkl``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "best.pkl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_other_program_is_named_and_its_death_frees_the_lock(other, tmp_path):
    path = tmp_path / "best.pkl"
    (tmp_path / "link").symlink_to("best.pkl")
    for name in (path, tmp_path / "link"):
        with OutputLocks() as locks, pytest.raises(OutputError) as caught:
            locks.hold(name)
        assert f"cannot write {name}: process {other.pid} on " in str(caught.value)
        assert " writes it; wait for its end, or choose" in str(caught.value)
    other.send_signal(signal.SIGKILL)
    other.wait()
    with OutputLocks() as locks:
        locks.hold(path)
    assert os.listdir(tmp_path) == ["link"]


def test_a_folder_is_locked_from_within(tmp_path):
    with OutputLocks() as mine, OutputLocks() as other:
        mine.hold(tmp_path)
        with pytest.raises(OutputError, match=f"process {os.getpid()} "):
            other.hold(tmp_path)
    assert os.listdir(tmp_path) == []


def test_names_of_250_characters_and_devices(tmp_path):
    with OutputLocks() as locks:
        locks.hold(tmp_path / ("n" * 250))
        locks.hold("/dev/null")
        assert len(os.listdir(tmp_path)) == 1


def test_what_a_lock_says_is_printed_only_if_it_is_text(tmp_path):
    path = tmp_path / "best.pkl"
    with OutputLocks() as mine, OutputLocks() as other:
        mine.hold(path)
        (lock,) = tmp_path.iterdir()
        lock.write_bytes(b"\x1b[2J" * 1000)
        with pytest.raises(OutputError, match="another process writes it"):
            other.hold(path)


def test_an_owner_that_is_about_to_write_its_name_is_waited_for(tmp_path):
    with OutputLocks() as mine, OutputLocks() as other:
        mine.hold(tmp_path)
        lock = tmp_path / ".lock"
        note = lock.read_bytes()
        lock.write_bytes(b"")
        timer = threading.Timer(0.1, lock.write_bytes, [note])
        timer.start()
        with pytest.raises(OutputError, match=f"process {os.getpid()} "):
            other.hold(tmp_path)
        timer.join()


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path):
    path = tmp_path / "best.pkl"
    with OutputLocks() as locks:
        locks.hold(path)
        (lock,) = tmp_path.iterdir()
    (tmp_path / "precious").write_text("mine")
    lock.symlink_to("precious")
    with OutputLocks() as locks, pytest.raises(OutputError):
        locks.hold(path)
    assert (tmp_path / "precious").read_text() == "mine"


def test_the_note_may_have_arguments_of_any_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["python", os.fsdecode(b"caf\xe9")])
    with OutputLocks() as mine, OutputLocks() as other:
        mine.hold(tmp_path)
        with pytest.raises(OutputError, match=rf"process {os.getpid()} .*\(python 'caf\\udce9'\)"):
            other.hold(tmp_path)


def test_a_full_disk_costs_only_the_note(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("write_text", "write_bytes"):
        monkeypatch.setattr(pathlib.Path, name, fail)
    with OutputLocks() as mine, OutputLocks() as other:
        mine.hold(tmp_path)
        with pytest.raises(OutputError, match="another process writes it"):
            other.hold(tmp_path)
