"""python -m autoencoder: train as the notebook does, print its losses, save its plots."""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autoencoder import data, output
from autoencoder.config import Config
from autoencoder.errors import DataError

EXIT_USAGE = 2

Mode = Literal["eager", "function", "xla"]

REDRAW_EVERY = 25  # steps; drawing the bar costs about as much as a step


class _CannotRunError(Exception):
    """The command cannot do what it was asked to; the text is one line."""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    steps: Annotated[int, typer.Option(min=1, help="Training steps; as in the notebook, one more is done.")] = 5000,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="Repeat a run: as keras.utils.set_random_seed(SEED) before the notebook's cells."
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(help="How a step is executed: as the notebook does, under tf.function, or compiled by XLA."),
    ] = "eager",
    data_source: Annotated[
        str,
        typer.Option(
            "--data",
            metavar="SOURCE",
            help="A folder with the four .gz files, or auto, keras, debian, download, sample.",
        ),
    ] = "auto",
    out: Annotated[Path, typer.Option(help="Folder for losses.csv, weights.npz and the plots.")] = Path(
        "results/autoencoder"
    ),
) -> None:
    """Train the notebook's autoencoder on Fashion-MNIST, print its losses, save its plots."""
    output.install()
    messages = Console(stderr=True, soft_wrap=True, markup=False, emoji=False, highlight=False)
    try:
        out = _user_path(out)
        _require_tensorflow()
        fashion_mnist = data.load(data_source, say=messages.print)
        _require_writable(out)
        messages.print(data.describe(fashion_mnist))
        if fashion_mnist.note:
            messages.print(fashion_mnist.note)
        _train_and_save(fashion_mnist, Config(training_steps=steps), seed, mode, out)
    except (DataError, _CannotRunError) as error:
        messages.print(str(error))
        raise typer.Exit(EXIT_USAGE) from None
    messages.print(f"Losses, weights and plots are in {out}")


def _user_path(path: Path) -> Path:
    """With a tilde as the home folder, which a shell leaves alone in `--out=~/x`."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise _CannotRunError(f"{path}: {error}") from None


def _require_tensorflow() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise _CannotRunError("TensorFlow is not installed. Install this project with its extra `cpu`, or `gpu`.")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the model is TensorFlow's, whatever Keras is set to elsewhere
    # TensorFlow's own start-up remarks would bury the losses; its warnings and errors stay.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")


def _require_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise _unwritable(out, error) from None


def _unwritable(out: Path, error: OSError) -> _CannotRunError:
    if link := next((one for one in (out, *out.parents) if one.is_symlink() and not one.exists()), None):
        return _CannotRunError(f"Cannot write to {out}: {link} is a link to nothing. Choose another folder with --out.")
    return _CannotRunError(
        f"Cannot write to {error.filename or out}: {error.strerror}. Choose another folder with --out."
    )


def _train_and_save(fashion_mnist: data.FashionMnist, config: Config, seed: int | None, mode: Mode, out: Path) -> None:
    # TensorFlow takes seconds to import; --help and errors in the data should not wait for it.
    import keras

    from autoencoder import model, outputs, pipeline, training

    if seed is not None:
        keras.utils.set_random_seed(seed)
    # From here on the order is the notebook's: what draws random numbers draws them in the same sequence.
    x_train, x_test = data.prepare(fashion_mnist.train_images), data.prepare(fashion_mnist.test_images)
    train_data = pipeline.train_data(x_train, fashion_mnist.train_labels, config)
    test_data = pipeline.test_data(x_test, fashion_mnist.test_labels, config)
    parameters = model.create_parameters(config)
    optimizer = training.create_optimizer(parameters, config)
    step = training.make_step(parameters, optimizer, mode)

    with _progress() as progress:
        task = progress.add_task("training", total=config.training_steps + 1)

        def on_step(number: int, loss: Any) -> None:
            if number % config.display_step == 0:
                progress.console.print(f"step: {number}, loss: {float(loss):f}", highlight=False)
            if number % REDRAW_EVERY == 0 or number == config.training_steps:
                progress.update(task, completed=number + 1, refresh=True)

        losses = [float(loss) for loss in training.train(step, train_data, config, on_step)]
    try:
        outputs.save_all(losses, parameters, test_data, config, out)
    except OSError as error:
        raise _unwritable(out, error) from None


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # The bar goes to the terminal only; a log gets the notebook's lines alone.
    return Progress(*columns, TimeRemainingColumn(), auto_refresh=False, disable=not sys.stdout.isatty())


if __name__ == "__main__":
    app()
