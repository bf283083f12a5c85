import os
import shutil
import subprocess
import sysconfig
import time
from types import SimpleNamespace

from dltutorials.backend.precompiled_header import use_precompiled_header

import numpy
import pytest

MODULE = """#include <Python.h>
#include <iostream>
#include "theano_mod_helper.h"
#include <numpy/arrayobject.h>
int answer() { return NPY_FLOAT32; }
"""
FAKE_GCC = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo > "$2"\n'


class Compiler:
    """What Theano calls a compiler with, in a compile folder of its own."""

    def __init__(self, folder, n_modules=3):
        self.folder, self.commands, self.run = folder, [], lambda command: (b"", b"", 0)
        for i in range(n_modules):
            (folder / f"tmp{i}").mkdir()
            (folder / f"tmp{i}" / "mod.cpp").write_text(MODULE)
        self.helper = folder / "include" / "theano_mod_helper.h"
        self.helper.parent.mkdir()
        self.helper.write_text("")
        self.cmodule = SimpleNamespace(output_subprocess_Popen=self.record)
        config = SimpleNamespace(compiledir=str(folder))
        use_precompiled_header(
            SimpleNamespace(gof=SimpleNamespace(cmodule=self.cmodule), config=config)
        )

    def record(self, command):
        self.commands.append(command)
        return self.run(command)

    def compile(self, *options):
        """Compile a module; return the compiler's last command and what it gave."""
        places = sysconfig.get_path("include"), numpy.get_include(), self.helper.parent
        files = ["-o", str(self.folder / "module.so"), str(self.folder / "tmp0" / "mod.cpp")]
        includes = [f"-I{place}" for place in places]
        command = ["g++", "-shared", "-g", "-fPIC", *options, *includes, *files, "-lm"]
        outcome = self.cmodule.output_subprocess_Popen(command)
        return self.commands[-1], outcome

    def made(self):
        return set(self.folder.glob("dltutorials-headers-*/headers.h.gch"))

    def make(self, *options):
        """Have another file made, and return it when it is there."""
        before = self.made()
        self.compile(*options)
        for _ in range(1200):
            if new := self.made() - before:
                return new.pop()
            time.sleep(0.05)
        raise TimeoutError


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Return a compiler that makes an empty file, at once."""
    gcc = tmp_path / "bin" / "g++"
    gcc.parent.mkdir()
    gcc.write_text(FAKE_GCC)
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(gcc.parent), prepend=os.pathsep)
    return Compiler(tmp_path)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_gcc_takes_the_headers_from_the_file(tmp_path):
    def run_and_say_which_files_are_read(command):
        done = subprocess.run([command[0], "-H", "-Winvalid-pch", *command[1:]], capture_output=1)
        return done.stdout, done.stderr.decode(), done.returncode

    compiler = Compiler(tmp_path)
    made = compiler.make("-O1", "-Wl,-O1")
    compiler.run = run_and_say_which_files_are_read
    _, (_, said, status) = compiler.compile("-O1", "-Wl,-O1")
    assert status == 0
    assert said.startswith(f"! {made}\n")  # "x" would be a file that does not fit
    assert "ndarraytypes.h" not in said  # which arrayobject.h reads
    assert (tmp_path / "module.so").exists()


def test_a_folder_with_less_than_three_modules_gets_no_file(tmp_path):
    compiler = Compiler(tmp_path, n_modules=2)
    compiler.compile()
    assert not list(tmp_path.glob("dltutorials-headers-*"))


def test_a_module_is_compiled_again_without_a_file_that_fails(compiler):
    compiler.make()
    compiler.run = lambda command: (b"", b"fatal", 1) if "-include" in command else (b"", b"", 0)
    command, (_, said, status) = compiler.compile()
    assert (status, said) == (0, b"")
    assert "-include" not in command
    assert "-include" in compiler.commands[-2]


def test_each_set_of_options_has_a_file_of_its_own(compiler):
    first, second = compiler.make("-O1"), compiler.make("-O2")
    for option, made in ("-O1", first), ("-O2", second):
        assert compiler.compile(option)[0][1:3] == ["-include", str(made.with_suffix(""))]


def test_after_a_change_of_a_header_the_old_file_is_not_used_and_removed(compiler):
    first = compiler.make()
    compiler.helper.write_text("#define CHANGED")
    os.utime(compiler.helper, ns=(1, 1))
    second = compiler.make()
    assert second != first
    assert compiler.made() == {second}


@pytest.mark.parametrize("options", [("-include", "their.h"), ("-includetheir.h",)])
def test_who_includes_a_header_of_their_own_is_left_alone(compiler, options):
    command, _ = compiler.compile(*options)
    assert command.count("-include") == options.count("-include")
    assert not list(compiler.folder.glob("dltutorials-headers-*"))


def test_what_is_not_a_module_of_theano_is_left_alone(compiler):
    (compiler.folder / "tmp0" / "mod.cpp").write_text("int x;")
    compiler.compile()
    assert not list(compiler.folder.glob("dltutorials-headers-*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_takes_no_files_is_no_error(compiler):
    compiler.folder.chmod(0o555)
    try:
        assert compiler.compile()[1][2] == 0
    finally:
        compiler.folder.chmod(0o755)
