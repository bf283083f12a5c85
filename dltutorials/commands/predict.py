"""Predict the labels of test images, or of photos of digits, with saved parameters."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.saved_models import add_saved_model_arguments, read_saved_model, read_test_set
from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.extras import import_optional
from dltutorials.prediction.photos import SIDE, load_photo
from dltutorials.prediction.saved_model import SavedModel

import numpy

_MOST_SHOWN = 10  # the largest probabilities, in text output


class Example(NamedTuple):
    """An example to predict."""

    source: dict[str, Any]
    x: numpy.ndarray
    truth: int | None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(predict, make_parser(), argv)


def make_parser() -> console.Parser:
    """Return the parser of the script's options."""
    parser = console.Parser(
        description=__doc__, usage="%(prog)s FILE [--index N ...] [--image FILE ...] [options]"
    )
    parser.add_argument("model", metavar="FILE", help="saved parameters, best_model.pkl")
    many: dict[str, Any] = {"nargs": "+", "action": "extend"}
    add_option(parser, "--index", "N", [], "images of the test set, counted from 0", **many)
    text = (
        "photos of one digit each, dark ink on light paper or the reverse, of any size up to 50 "
        "million pixels; they are cut out, scaled and centred as MNIST's images were"
    )
    add_option(parser, "--image", "FILE", [], text, **many)
    add_saved_model_arguments(parser, "whose test set --index refers to")
    text = "text has probabilities in %%, json fractions from 0 to 1"
    add_option(parser, "--format", ["text", "json"], "text", text)
    return parser


def predict(options: argparse.Namespace) -> int:
    """Predict what the options name; an image that cannot be used does not stop the others."""
    if not options.index and not options.image:
        raise OptionError("got nothing to predict, expected --index N, or --image FILE")
    if options.image:
        import_optional("PIL.Image", "images need Pillow")
    saved = read_saved_model(options.model, options)
    with in_file(options.model):
        saved.require_labels()
    examples = load_test_images(options, saved) if options.index else []
    photos = load_photos(options.image, saved)
    examples += [photo for photo in photos if photo is not None]
    x = numpy.array([example.x for example in examples]).reshape(-1, saved.n_in)
    report(examples, saved.predict_proba(x), saved.class_names, options.format)
    return console.FAILED if None in photos else console.DONE


def load_test_images(options: argparse.Namespace, saved: SavedModel) -> list[Example]:
    """Return images of the test set, with their labels."""
    x, y = read_test_set(options.model, options, saved)
    for index in options.index:
        if not 0 <= index < len(x):
            raise OptionError(
                f"index: got {index}, expected 0 to {len(x) - 1}, an image of the test set"
            )
    require_inputs(saved, x.shape[1], f"the images of {options.dataset}")
    truths = [None] * len(x) if y is None else y.tolist()
    return [Example({"index": i}, x[i], truths[i]) for i in options.index]


def load_photos(paths: Sequence[str], saved: SavedModel) -> list[Example | None]:
    """Return photos in MNIST's form; None for each that cannot be used, with a message."""
    if paths:
        require_inputs(saved, SIDE * SIDE, f"a photo, which is brought to {SIDE} x {SIDE},")
    photos: list[Example | None] = []
    for path in paths:
        try:
            photos.append(Example({"image": path}, load_photo(path).ravel(), None))
        except DataError as error:
            console.fail(f"error: {error}", console.FAILED)
            photos.append(None)
    return photos


def require_inputs(saved: SavedModel, n_in: int, what: str) -> None:
    """Refuse images that do not fit the model."""
    if n_in != saved.n_in:
        raise DataError(f"the model has {saved.n_in} inputs, and {what} {n_in} pixels")


def report(
    examples: Sequence[Example],
    p_y_given_x: numpy.ndarray,
    class_names: Sequence[str] | None,
    form: str,
) -> None:
    """Print the predictions."""
    records = [as_record(example, p, class_names) for example, p in zip(examples, p_y_given_x)]
    if form == "json":
        console.print_results([json.dumps(records, indent=1)])
        return
    names = [as_printable(name) for name in class_names or range(p_y_given_x.shape[1])]
    for record in records:
        console.print_results(lines_of(record, names))
    judged = [record for record in records if record["truth"] is not None]
    if len(judged) > 1:
        n_wrong = sum(record["label"] != record["truth"] for record in judged)
        console.print_results([f"{n_wrong} of {len(judged)} test images are misclassified"])


def as_record(
    example: Example, p: numpy.ndarray, class_names: Sequence[str] | None
) -> dict[str, Any]:
    """Return a prediction for JSON; a source is an index or the path of an image."""
    label = int(p.argmax())
    return {
        **{name: example.source.get(name) for name in ("index", "image")},
        "label": label,
        "class_name": None if class_names is None else class_names[label],
        "probability": float(p[label]),
        "truth": example.truth,
        "probabilities": p.tolist(),
    }


def as_printable(name: Any) -> str:
    """Return a class name that is safe to print on one line, whatever the file contains."""
    text = str(name)
    return text if text.isprintable() and text.strip() else ascii(text)


def lines_of(record: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Return a line with the label, and one with the probabilities of all of them."""
    source = record["image"] if record["index"] is None else f"test image {record['index']}"
    line = f"{source}: label {names[record['label']]} ({record['probability'] * 100:.2f} %)"
    if record["truth"] is not None:
        verdict = "right" if record["truth"] == record["label"] else "wrong"
        line += f", truth {names[record['truth']]}, {verdict}"
    ranked = sorted(enumerate(record["probabilities"]), key=lambda pair: -pair[1])[:_MOST_SHOWN]
    shares = "  ".join(f"{names[label]}: {p * 100:.1f}" for label, p in sorted(ranked))
    return [line, f"  {shares} %"]
