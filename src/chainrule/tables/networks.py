"""The network that options ask for, and its loss, for a target."""

from chainrule.tables.options import TrainOptions
from chainrule.tables.targets import ClassTarget, Target
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.named import loss_for, loss_named
from chainrule.training.network import Network


def network_for(
    target: Target, options: TrainOptions, inputs: int, n_rows: int, member: int = 0
) -> Network:
    """Return a network that is to learn from so many rows; each member has its own weights."""
    recipe, loss = options.recipe(target.task), loss_of_target(target, options)
    outputs = target.outputs * loss_named(loss).outputs_per_target
    return Network(
        [inputs, *recipe.hidden, outputs],
        activation=recipe.activation,
        output=options.output,
        loss=loss,
        init=options.init,
        seed=options.seed + member,
        dtype=options.dtype,
        reduction=options.reduction,
        l2=recipe.penalty(n_rows),
        l1=options.l1,
        dropout=recipe.dropout,
        engine=options.engine,
    )


def loss_of_target(target: Target, options: TrainOptions) -> str:
    """Return the loss that was chosen, or that the task has, where answers fit the target."""
    usual = "cross_entropy" if isinstance(target, ClassTarget) else "squared_error"
    loss = usual if options.loss == "auto" else options.loss
    if isinstance(target, ClassTarget):
        loss = loss_for(loss, target.outputs)
        wanted = ["sigmoid"] if target.outputs == 1 else ["softmax"]
        answers = "probabilities"
    elif target.range != "real":
        wanted, answers = ["exponential", "softplus"], "a number above 0"
    else:
        wanted = [name for name in ACTIVATIONS if name not in ("softmax", "sigmoid", "exponential")]
        answers = "a standardised number"
    output = loss_named(loss).output if options.output == "auto" else options.output
    if output not in wanted:
        raise ValueError(
            f"{target.task} needs {answers} as output, with {' or '.join(wanted[:3])}; got "
            f"{output!r} with the loss {loss!r}"
        )
    return loss
