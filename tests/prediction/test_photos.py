import io
import struct
import sys
import zlib

import dltutorials
from dltutorials.exceptions import DataError, SetupError
from dltutorials.prediction import photos

import numpy
import PIL.Image
import pytest

PILLOW_MODES = ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I", "F"]


@pytest.fixture(scope="module")
def digits():
    """Return the first 300 images of the real test set, and their labels."""
    x, y = dltutorials.load_mnist()[2]
    return x[:300], y[:300]


def photograph(image, scale, rng, dark_paper=False):
    """Show an image of the set as dark ink, `scale` times as large, somewhere on light paper."""
    side = 28 * scale
    ink = PIL.Image.fromarray((image.reshape(28, 28) * 256).astype("uint8"))
    ink = numpy.asarray(ink.resize((side, side), PIL.Image.BICUBIC))
    height, width = (int(side * rng.uniform(1, 2)) for _ in range(2))
    top, left = rng.randint(height - side + 1), rng.randint(width - side + 1)
    paper = numpy.zeros((height, width), "uint8")
    paper[top : top + side, left : left + side] = ink
    return paper if dark_paper else 255 - paper


def shade(photo, rng):
    """Light a photo from a corner, make it pale, and add noise."""
    height, width = photo.shape
    light = 215 - 60 * numpy.add.outer(numpy.linspace(0, 1, height), numpy.linspace(0, 1, width))
    noisy = light * (0.3 + 0.7 * photo / 255) + rng.randn(height, width) * 4
    return noisy.clip(0, 255).astype("uint8")


@pytest.fixture(scope="module")
def weights(digits):
    """Return logistic regression good enough to see a difference."""
    x, y = dltutorials.load_mnist()[0]
    x, y = x[:20_000].astype("float64"), y[:20_000]
    W, b = numpy.zeros((784, 10)), numpy.zeros(10)
    for _ in range(3):
        for start in range(0, len(x), 100):
            rows = slice(start, start + 100)
            scores = numpy.exp(x[rows] @ W + b)
            slope = scores / scores.sum(axis=1, keepdims=True)
            slope[numpy.arange(100), y[rows]] -= 1
            W -= 0.001 * x[rows].T @ slope
            b -= 0.001 * slope.sum(axis=0)
    return W, b


@pytest.mark.slow
def test_photos_of_real_digits_are_predicted_as_the_digits_are(digits, weights):
    (x, y), (W, b) = digits, weights
    rng = numpy.random.RandomState(0)

    def count_right(images):
        return ((images @ W + b).argmax(axis=1) == y).sum()

    present = count_right(x)
    assert present > 260
    for scale, alter in ((1, None), (2, None), (6, None), (4, shade)):
        images = []
        for number, digit in enumerate(x):
            photo = photograph(digit, scale, rng, dark_paper=number % 2 == 0 and alter is None)
            images.append(photos.prepare_photo(alter(photo, rng) if alter else photo).ravel())
        assert count_right(numpy.array(images)) > present - 9, (scale, alter)


def test_an_image_of_the_set_comes_back_nearly_as_it_is(digits):
    for digit in digits[0][:20]:
        image = photos.prepare_photo(255 - digit.reshape(28, 28) * 256)
        assert abs(image.ravel() - digit).mean() < 0.01


def test_the_form_of_mnist():
    photo = numpy.full((300, 400), 255.0)
    photo[100:180, 300:340] = 0
    image = photos.prepare_photo(photo)
    assert (image.shape, image.dtype) == ((28, 28), "float32")
    assert set(numpy.unique(image)) == {0, numpy.float32(255 / 256)}
    rows, columns = numpy.nonzero(image)
    assert numpy.ptp(rows) == 19  # the longer side has 20 pixels
    assert numpy.ptp(columns) == 9  # and the proportion is kept
    assert abs(rows.mean() - 14) <= 0.5
    assert abs(columns.mean() - 14) <= 0.5


def heavy_above(width):
    """Draw a hammer of 160 pixels whose head is so wide."""
    photo = numpy.zeros((200, 200))
    photo[20:180, 90:110] = 200
    photo[20:60, 100 - width // 2 : 100 + width // 2] = 200
    return photos.prepare_photo(photo)


def test_the_centre_of_mass_is_in_the_middle_as_far_as_the_ink_stays_inside():
    image = heavy_above(40)
    rows = numpy.flatnonzero(image.any(axis=1))
    weights = image.sum(axis=1) / image.sum()
    assert abs((weights * numpy.arange(28)).sum() - 14) <= 0.5
    assert (rows[0], rows[-1]) != (4, 23)  # where the middle of the box would put it
    rows = numpy.flatnonzero(heavy_above(160).any(axis=1))
    assert (rows[0], rows[-1]) == (8, 27)


def test_spots_of_dirt_do_not_count():
    photo = numpy.full((200, 200), 240.0)
    photo[80:140, 90:110] = 30
    clean = photos.prepare_photo(photo)
    photo[5:8, 5:8] = photo[190:193, 180:183] = 30
    numpy.testing.assert_array_equal(photos.prepare_photo(photo), clean)


@pytest.mark.parametrize("mode", PILLOW_MODES)
def test_every_kind_of_pixel_is_read(tmp_path, digits, mode):
    grey = PIL.Image.fromarray(photograph(digits[0][0], 4, numpy.random.RandomState(0)))
    path = tmp_path / "photo.tiff"
    grey.convert(mode).save(path)
    expected = photos.prepare_photo(numpy.asarray(grey))
    assert abs(photos.load_photo(path) - expected).mean() < 0.03


def test_sixteen_bits_are_read(tmp_path, digits):
    grey = photograph(digits[0][0], 4, numpy.random.RandomState(0))
    PIL.Image.fromarray(grey.astype("uint16") * 257).save(tmp_path / "photo.png")
    expected = photos.prepare_photo(grey)
    assert abs(photos.load_photo(tmp_path / "photo.png") - expected).mean() < 0.01


@pytest.mark.parametrize("ink", ["black", "white"])
def test_ink_on_nothing_is_read(tmp_path, digits, ink):
    alpha = PIL.Image.fromarray(photograph(digits[0][0], 4, numpy.random.RandomState(0), True))
    image = PIL.Image.new("RGBA", alpha.size, ink)
    image.putalpha(alpha)
    image.save(tmp_path / "photo.png")
    expected = photos.prepare_photo(numpy.asarray(alpha))
    assert abs(photos.load_photo(tmp_path / "photo.png") - expected).mean() < 0.01


def test_a_photo_is_turned_as_the_camera_was_held(tmp_path, digits):
    grey = PIL.Image.fromarray(photograph(digits[0][0], 4, numpy.random.RandomState(0)))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    grey.transpose(PIL.Image.ROTATE_90).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    expected = photos.prepare_photo(numpy.asarray(grey))
    assert abs(photos.load_photo(tmp_path / "turned.jpg") - expected).mean() < 0.02


def test_a_large_photo_is_made_smaller(tmp_path, digits):
    grey = photograph(digits[0][0], 100, numpy.random.RandomState(0))
    PIL.Image.fromarray(grey).save(tmp_path / "large.jpg")
    assert max(photos.read_grey(tmp_path / "large.jpg").shape) <= 1000
    expected = photos.prepare_photo(grey[::4, ::4])
    assert abs(photos.load_photo(tmp_path / "large.jpg") - expected).mean() < 0.02


def claim_size(width, height):
    """Return a PNG that says it is so large."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + data


def png_of(array):
    file = io.BytesIO()
    PIL.Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello" * 100, "not an image in a supported format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not an image"),
        (claim_size(8_000, 8_000), "has 8,000 x 8,000 pixels, expected at most 50,000,000"),
        (claim_size(60_000, 60_000), "has more than 50,000,000 pixels"),
        (claim_size(3_000, 3_000), "a damaged image: "),
        (png_of(numpy.full((50, 40), 255, "uint8"))[:-40], "a damaged image: "),
        (png_of(numpy.full((50, 40), 200, "uint8")), "shows nothing but one shade"),
        (png_of(numpy.zeros((1, 1), "uint8")), "shows nothing but one shade"),
    ],
    ids=["empty", "text", "program", "large", "bomb", "less than it says", "cut", "uniform", "dot"],
)
def test_what_is_no_photo_of_a_digit_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        photos.load_photo(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_noise_alone_is_no_digit():
    noise = numpy.random.RandomState(0).randn(200, 300) * 5 + 200
    with pytest.raises(DataError, match="shows nothing"):
        photos.prepare_photo(noise)


def test_many_equal_dots_are_not_all_dirt():
    dots = numpy.zeros((100, 100))
    dots[::9, ::9] = 255
    assert photos.prepare_photo(dots).any()


def test_anything_gives_an_image_or_a_line():
    rng = numpy.random.RandomState(0)
    n_refused = 0
    for number in range(500):
        shape = rng.randint(1, 12, 2) if number % 2 else (rng.randint(1, 3), rng.randint(1, 300))
        values = rng.randint(0, 256, shape).astype(float)
        values[rng.rand(*shape) < rng.choice([0, 0.5, 0.95])] = 255
        try:
            image = photos.prepare_photo(values)
            assert image.shape == (28, 28)
            assert 0 < image.max() < 1
            assert image.min() >= 0
        except DataError:
            n_refused += 1
    assert n_refused < 250


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            photos.load_photo(path)


def test_damaged_images_raise_nothing_else(tmp_path, digits):
    rng = numpy.random.RandomState(0)
    grey = PIL.Image.fromarray(photograph(digits[0][0], 2, rng))
    n_refused = 0
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF"):
        grey.save(tmp_path / "sound", form)
        sound = (tmp_path / "sound").read_bytes()
        for _ in range(40):
            damaged = bytearray(sound)
            for _ in range(rng.choice([1, 5, 20])):
                damaged[rng.randint(min(len(damaged), rng.choice([60, 10**6])))] = rng.randint(256)
            (tmp_path / "damaged").write_bytes(damaged)
            try:
                assert numpy.isfinite(photos.load_photo(tmp_path / "damaged")).all()
            except DataError:
                n_refused += 1
    assert n_refused > 20


def test_without_pillow_the_command_to_install_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    (tmp_path / "photo.png").write_bytes(png_of(numpy.zeros((3, 3), "uint8")))
    with pytest.raises(SetupError, match=r"pip install 'dltutorials\[plot\]'"):
        photos.load_photo(tmp_path / "photo.png")
