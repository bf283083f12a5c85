import io

from dltutorials import save_params
from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting import Frame, make_gif, plot_filmstrip, read_frames
from dltutorials.training.snapshots import save_snapshot

import numpy
import PIL.Image
import pytest
from drawings import fits


class TestAnimation:
    def frames(self, n=3):
        return [Frame(10 * i, numpy.full((4, 2), float(i)) * [1, -1]) for i in range(n)]

    def test_a_gif_has_a_picture_for_each_frame_in_the_same_colours(self):
        content = make_gif(self.frames())
        with PIL.Image.open(io.BytesIO(content)) as gif:
            assert (gif.n_frames, gif.size[0], gif.info["loop"]) == (3, 600, 0)
            pictures = []
            for number in range(3):
                gif.seek(number)
                pictures.append(numpy.asarray(gif.convert("RGB")).astype(int))
        height, width = pictures[0].shape[:2]
        left, right = (picture[height // 2, width // 4] for picture in pictures[::2])
        assert left == pytest.approx([247, 247, 247], abs=4)  # 0 is white
        assert right == pytest.approx([103, 0, 31], abs=12)  # the largest weight is dark red
        assert all((picture[0, 0] == 255).all() for picture in pictures)
        assert content == make_gif(self.frames())

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("n_frames", "per_second", "shown"),
        [
            (1, None, [3000]),
            (7, None, [170] * 6 + [2000]),
            (31, None, [100] * 30 + [2000]),
            (7, 20, [50] * 6 + [2700]),
            (3, 1000, [20] * 2 + [2960]),
            (3, 0.5, [2000] * 2 + [2000]),
        ],
    )
    def test_the_last_frame_stays_and_the_whole_lasts_three_seconds(
        self, n_frames, per_second, shown
    ):
        content = make_gif(self.frames(n_frames), frames_per_second=per_second, dpi=50)
        with PIL.Image.open(io.BytesIO(content)) as gif:
            assert gif.n_frames == n_frames
            durations = []
            for number in range(n_frames):
                gif.seek(number)
                durations.append(gif.info["duration"])
        assert durations == shown
        assert sum(durations) >= 3000

    def test_a_filmstrip_has_a_row_for_each_frame(self):
        ax = plot_filmstrip(self.frames(), labels=[7, 9])
        assert [text.get_text() for text in ax.texts] == ["7", "9", "1", "11", "21", "minibatches"]
        raster = ax.images[0].get_array()
        assert (raster[0, 0], raster[3, 0], raster[6, 0], raster[6, 3]) == (0, 1, 2, -2)
        assert fits(ax.figure)

    def snapshots(self, folder, n=20):
        for number in range(n):
            save_snapshot([numpy.full((4, 3), float(number)), numpy.zeros(3)], folder, number * 83)

    def test_frames_at_equal_or_at_growing_distances(self, tmp_path):
        self.snapshots(tmp_path)
        frames, units = read_frames(tmp_path, 3, 2)
        assert [frame.iteration // 83 for frame in frames] == [0, 10, 19]
        assert [frame.W.tolist() for frame in frames] == [[[n, n]] * 4 for n in (0, 10, 19)]
        assert units == [0, 1]
        frames, _ = read_frames(tmp_path, 4, 2, early=True)
        assert [frame.iteration // 83 for frame in frames] == [0, 2, 6, 19]
        assert len(read_frames(tmp_path, 300, 2)[0]) == 20
        assert [frame.iteration // 83 for frame in read_frames(tmp_path, 1, 2)[0]] == [19]
        assert frames[0].title == "after 1 minibatch"
        assert frames[1].title == "after 167 minibatches"

    def test_what_cannot_be_drawn_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="no snapshot in it"):
            read_frames(tmp_path, 3, 2)
        self.snapshots(tmp_path, 3)
        for n in (0, 301):
            with pytest.raises(OptionError, match=f"frames: got {n}"):
                read_frames(tmp_path, n, 2)
        with pytest.raises(OptionError, match="frames_per_second: got nan"):
            make_gif(self.frames(), frames_per_second=numpy.nan)
        with pytest.raises(OptionError, match="colours: got 'jet'"):
            plot_filmstrip(self.frames(), colours="jet")
        save_params([numpy.zeros((9, 3))], tmp_path / "iteration-0000000083.pkl")
        with pytest.raises(DataError, match=r"0083.pkl: the first parameter has shape \(9, 3\)"):
            read_frames(tmp_path, 3, 2)
        (tmp_path / "iteration-0000000083.pkl").write_bytes(b"half")
        with pytest.raises(DataError, match=r"0083\.pkl: "):
            read_frames(tmp_path, 3, 2)

    def test_too_many_images_in_all_are_refused(self, tmp_path):
        for number in range(101):
            save_snapshot([numpy.zeros((4, 100))], tmp_path, number)
        with pytest.raises(OptionError, match="got 101 of 100 units, expected at most 10,000"):
            read_frames(tmp_path, 101, 100)
