from dltutorials.exceptions import OptionError
from dltutorials.plotting import plot_history, save_figure
from dltutorials.plotting.figures import new_axes

import pytest
from drawings import history


class TestFiles:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")]
    )
    def test_the_same_picture_gives_the_same_bytes(self, tmp_path, ending, start):
        paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
        for path in paths:
            save_figure(plot_history([history()])[0].figure, path, dpi=60)
        contents = [path.read_bytes() for path in paths]
        assert contents[0] == contents[1]
        assert contents[0].startswith(start)
        assert b"Date" not in contents[0]

    def test_an_unknown_ending_is_refused(self, tmp_path):
        for name in ("picture", "picture.gif", "png"):
            with pytest.raises(OptionError, match=r"expected a name that ends in \.png, \.svg"):
                save_figure(new_axes(2).figure, tmp_path / name)

    def test_what_fails_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "picture.png"
        path.write_bytes(b"old")
        figure = new_axes(2).figure
        figure.text(0.5, 0.5, "$\\bad{$")
        with pytest.raises(ValueError, match="bad"):
            save_figure(figure, path)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
