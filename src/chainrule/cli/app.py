"""The commands, put together."""

from typing import Annotated

import typer

from chainrule.cli.evaluate import evaluate
from chainrule.cli.explain import explain
from chainrule.cli.gallery import gallery
from chainrule.cli.info import info
from chainrule.cli.inspect import inspect
from chainrule.cli.play import play
from chainrule.cli.predict import predict
from chainrule.cli.train import train
from chainrule.cli.verify import verify
from chainrule.cli.worksheet import worksheet

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def chainrule(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Multilayer perceptrons: fast, exact, open.

    Start with: chainrule train digits
    """
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"chainrule {version_of('chainrule')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (train, predict, evaluate, inspect, explain, verify, play, worksheet, gallery, info):
    app.command(no_args_is_help=False)(command)
