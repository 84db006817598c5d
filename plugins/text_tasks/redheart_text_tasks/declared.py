"""Every field that a data set declares itself, each by a pooled network of its own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from redheart_core import BuildContext, Objective
from redheart_core.nn.answers import answer_objective, declared_answers
from redheart_core.nn.named import Named
from redheart_text_tasks.model import TextTask
from redheart_text_tasks.training import pooled


class TextTasks(nn.Module):
    """Several tasks side by side; they share nothing but their inputs."""

    def __init__(self, tasks: Mapping[str, TextTask]) -> None:
        super().__init__()
        self.fields = Named(tasks)

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs of all tasks."""
        outputs: dict[str, Tensor] = {}
        for task in self.fields.values():
            outputs |= task(inputs)
        return outputs

    def grow_from(self, smaller: TextTasks) -> None:
        """Take over what a smaller one computes, task by task."""
        for name, task in self.fields.items():
            old = smaller.fields[name]
            assert isinstance(task, TextTask)
            assert isinstance(old, TextTask)
            task.grow_from(old)


def build(context: BuildContext) -> TextTasks:
    """A network for each declared field."""
    return TextTasks({name: pooled(context, context.fields[name]) for name in declared_answers(context.fields)})


def objective(context: BuildContext) -> Objective:
    """The fields' own losses and metrics."""
    return answer_objective(context, list(declared_answers(context.fields)))
