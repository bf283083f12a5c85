import errno
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import dltutorials
from dltutorials import DataError
from dltutorials.exceptions import OutputError
from dltutorials.io import files
from dltutorials.io.files import durable_writer, prepare_output, write_at_end

import numpy
import pytest
from helpers import run_python

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root only")


def write(path, content):
    with durable_writer(path) as file:
        file.write(content)


class TestDurableWriter:
    def test_a_failure_keeps_the_previous_file_and_leaves_nothing(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(b"before")
        with pytest.raises(ZeroDivisionError), durable_writer(path) as file:
            file.write(b"half" * (1 // 0))
        assert path.read_bytes() == b"before"
        assert os.listdir(tmp_path) == ["file"]

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_failing_call_keeps_the_previous_file(self, tmp_path, monkeypatch, call):
        def fail(*_):
            raise OSError("no space left")

        path = tmp_path / "file"
        path.write_bytes(b"before")
        monkeypatch.setattr(os, call, fail)
        with pytest.raises(OSError, match="no space left"), durable_writer(path) as file:
            file.write(b"after")
        monkeypatch.undo()
        assert path.read_bytes() == b"before"
        assert os.listdir(tmp_path) == ["file"]

    def test_a_read_only_folder_keeps_the_previous_file(self, tmp_path, monkeypatch):
        def fail(*_):
            raise OSError(errno.EROFS, "Read-only file system")

        path = tmp_path / "file"
        path.write_bytes(b"before")
        monkeypatch.setattr(files, "open", fail, raising=False)  # root may write anywhere
        with pytest.raises(OSError, match="Read-only"), durable_writer(path) as file:
            file.write(b"after")
        assert path.read_bytes() == b"before"
        assert os.listdir(tmp_path) == ["file"]

    def test_everything_is_on_disk_before_the_rename(self, tmp_path, monkeypatch):
        calls = []
        real = {name: getattr(os, name) for name in ("fsync", "replace")}

        def record(name):
            def call(*arguments):
                target = arguments[0]
                kind = (
                    "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(target).st_mode) else ""
                )
                calls.append(f"{name}{kind}")
                return real[name](*arguments)

            return call

        for name in real:
            monkeypatch.setattr(os, name, record(name))
        with durable_writer(tmp_path / "file") as file:
            file.write(b"x" * 100_000)
        assert calls == ["fsync", "replace", "fsyncfolder"]

    def test_a_link_stays_a_link_and_permissions_follow_the_umask(self, tmp_path):
        target = tmp_path / "target"
        (tmp_path / "link").symlink_to(target)
        with durable_writer(tmp_path / "link") as file:
            file.write(b"x")
        assert (tmp_path / "link").is_symlink()
        assert target.read_bytes() == b"x"
        (tmp_path / "plain").touch()
        assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_cannot_be_written_is_found_beforehand(tmp_path):
    prepare_output(tmp_path / "new.pkl")
    assert os.listdir(tmp_path) == []
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path, "it is a folder"),
        ("", "it is a folder"),
        ("a\0b", "a name has no zero byte"),
        (tmp_path / "missing" / "m.pkl", "No such file or directory; choose a file in a folder"),
        (tmp_path / "file" / "m.pkl", "Not a directory"),
    ):
        with pytest.raises(DataError, match=message):
            prepare_output(path)


WRITE_BEYOND_THE_LIMIT = """
import resource, sys
from dltutorials.io.files import durable_writer
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with durable_writer(sys.argv[1]) as file:
        file.write(bytes(5000))
except OSError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_named_and_leaves_the_previous_file(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"before")
    done = run_python("-c", WRITE_BEYOND_THE_LIMIT, path)
    assert done.stdout == f"[Errno {errno.EFBIG}] File too large: '{path}'\n"
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["state"]


WRITE_AND_DIE = """
import os, signal, sys
from dltutorials.io.files import durable_writer
with durable_writer(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    if len(sys.argv) > 2:
        print("writing", flush=True)
        sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_left_over_files_of_dead_processes_are_removed_and_others_are_kept(tmp_path):
    path, other = tmp_path / "state", tmp_path / "other"
    path.touch()
    for each in (path, other):
        assert run_python("-c", WRITE_AND_DIE, each, check=False).returncode == -signal.SIGKILL
    alive = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_DIE, str(path), "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert alive.stdout.readline() == b"writing\n"
        assert len(os.listdir(tmp_path)) == 4
        prepare_output(path)
        assert len(os.listdir(tmp_path)) == 3  # that of the other file, and of who is alive
        prepare_output(other)
        assert len(os.listdir(tmp_path)) == 2
    finally:
        alive.communicate(b"")
    prepare_output(path)
    assert os.listdir(tmp_path) == ["state"]


class TestWhatIsNoOrdinaryFile:
    @pytest.fixture(params=["device", "pipe", "socket", "folder", "loop"])
    def special(self, request, tmp_path):
        """Return a path that is not an ordinary file."""
        path = tmp_path / "special"
        if request.param == "device":
            return Path("/dev/null")
        if request.param == "pipe":
            os.mkfifo(path)
        elif request.param == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        elif request.param == "folder":
            path.mkdir()
        else:
            path.symlink_to(path)
        return path

    @pytest.mark.parametrize("use", [prepare_output, lambda path: write(path, b"x")])
    def test_it_is_written_into_or_refused_and_stays_what_it_is(self, special, use, tmp_path):
        before = os.lstat(special), os.listdir(tmp_path)
        if special == Path("/dev/null"):
            use(special)
        else:
            with pytest.raises(OutputError, match=f"cannot write '?{special}'?: "):
                use(special)
        after = os.lstat(special), os.listdir(tmp_path)
        assert (before[0].st_mode, before[0].st_ino) == (after[0].st_mode, after[0].st_ino)
        assert before[1] == after[1]

    def test_a_link_to_it_is_as_good(self, special, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(special)
        if special == Path("/dev/null"):
            write(link, b"x")
        else:
            with pytest.raises(OutputError):
                write(link, b"x")
        assert os.readlink(link) == str(special)

    @as_root
    def test_a_device_of_ones_own_stays_one(self, tmp_path):
        path = tmp_path / "null"
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("this container makes no devices")
        dltutorials.save_params([numpy.eye(2)], path)
        assert stat.S_ISCHR(path.stat().st_mode)
        assert os.listdir(tmp_path) == ["null"]

    def test_a_device_that_is_full_is_named(self):
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write("/dev/full", b"x")
        with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
            write_at_end("/dev/full", b"x", 100)

    def test_lines_can_be_added_to_a_device(self):
        write_at_end("/dev/null", b"x", 100)

    def test_a_disk_is_never_written(self, monkeypatch, tmp_path):
        path, real = tmp_path / "disk", os.stat
        path.write_bytes(b"everything")

        def as_disk(name, *arguments, **options):
            status = list(real(name, *arguments, **options))
            if os.fspath(name) == str(path):
                status[0] = stat.S_IFBLK | 0o600
            return os.stat_result(status)

        monkeypatch.setattr(os, "stat", as_disk)
        with pytest.raises(OutputError, match="it is a disk"):
            write(path, b"x")
        monkeypatch.undo()
        assert path.read_bytes() == b"everything"

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "log"])
    def test_where_the_lines_of_the_program_go_nothing_is_written(self, tmp_path, name):
        program = "import sys; from dltutorials import save_params; save_params([1.0], sys.argv[1])"
        with open(tmp_path / "log", "wb") as log:
            done = subprocess.run(
                [sys.executable, "-c", f"print('line', flush=True); {program}", name],
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
            )
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert f"cannot write '{name}': the lines of this program go there" in last
        assert (tmp_path / "log").read_text() == "line\n"


class TestWhatIsKept:
    def test_permissions(self, tmp_path):
        path = tmp_path / "file"
        write(path, b"before")
        for mode in (0o600, 0o640, 0o664):
            path.chmod(mode)
            write(path, b"after")
            assert stat.S_IMODE(path.stat().st_mode) == mode

    @as_root
    def test_owner_and_group(self, tmp_path):
        path = tmp_path / "file"
        write(path, b"before")
        os.chown(path, 1234, 5678)
        path.chmod(0o640)
        write(path, b"after")
        status = path.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (1234, 5678, 0o640)

    def test_a_link_whose_file_is_not_there_yet(self, tmp_path):
        (tmp_path / "link").symlink_to("target")
        write(tmp_path / "link", b"x")
        assert os.readlink(tmp_path / "link") == "target"
        assert (tmp_path / "target").read_bytes() == b"x"

    def test_another_name_of_the_same_file_keeps_the_old_content(self, tmp_path):
        write(tmp_path / "file", b"before")
        os.link(tmp_path / "file", tmp_path / "other")
        write(tmp_path / "file", b"after")
        assert (tmp_path / "other").read_bytes() == b"before"

    @pytest.mark.parametrize("name", ["x" * 250, "x" * 255, "\u00e9" * 127, "\u56fe" * 85])
    def test_long_names(self, tmp_path, name):
        prepare_output(tmp_path / name)
        write(tmp_path / name, b"x")
        assert os.listdir(tmp_path) == [name]

    def test_a_name_that_is_too_long_is_found_beforehand(self, tmp_path):
        with pytest.raises(OutputError, match="File name too long"):
            prepare_output(tmp_path / ("x" * 256))

    def test_a_read_only_file(self, tmp_path, monkeypatch):
        path = tmp_path / "file"
        write(path, b"before")
        monkeypatch.setattr(os, "access", lambda name, mode: name != path)  # root may write it
        for use in (prepare_output, lambda path: write(path, b"after")):
            with pytest.raises(OutputError, match="it is read-only; choose another file"):
                use(path)
        assert path.read_bytes() == b"before"


def test_what_a_write_that_failed_left_behind_is_replaced(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"one\ntw")
    write_at_end(path, b"two\n", len(b"one\n"))
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_path_that_ends_like_a_folder_is_one(tmp_path):
    with pytest.raises(OutputError, match="it is a folder"):
        write(f"{tmp_path}/new/", b"x")
    assert os.listdir(tmp_path) == []
