"""Damage of a group's files stops that group and its readers alone; the others finish."""

from __future__ import annotations

import attrs
import torch
from front_door import flip_byte
from torch import nn
from toy import Toy

from redheart_core import ActiveNode, FitData
from redheart_core.data.store import Store
from redheart_core.runs.run import RunFolder


def half(module: nn.Module, _: FitData) -> None:
    """A fit that takes no time."""
    for parameter in module.parameters():
        parameter.data = torch.full_like(parameter, 0.5)


def nodes_of(toy: Toy) -> list[ActiveNode]:
    """A fitted group, one that reads it, and one that does not."""
    fitted = toy.node("fitted")
    inner = fitted.spec.build
    fitted = attrs.evolve(
        fitted, spec=attrs.evolve(fitted.spec, fit=half, build=lambda context: inner(context).requires_grad_(False))
    )
    return [fitted, toy.node("high", reads=("fitted.value", "embedding")), toy.node("other", target="choice_factors")]


def begin_again(run: RunFolder, *groups: str) -> None:
    """As a process leaves groups that was killed before their first epoch was written."""
    for name in groups:
        run.group(name).manifest_file.unlink()


def resume(toy: Toy, nodes: list[ActiveNode]) -> dict[str, str]:
    return toy.run("run", nodes, Store.open(toy.folder / "store"))[1]


def test_a_damaged_fitted_group_stops_with_its_readers_and_the_others_finish(toy: Toy) -> None:
    nodes = nodes_of(toy)
    run, stopped = toy.run("run", nodes)
    assert stopped == {}
    begin_again(run, "other")
    manifest = run.group("fitted").manifest_file.read_bytes()
    flip_byte(run.group("fitted").path / run.group("fitted").read().best.file)
    stopped = resume(toy, nodes)
    assert list(stopped) == ["fitted", "high"]
    assert "epoch-0001.safetensors is damaged" in stopped["fitted"]
    assert stopped["high"] == "it reads fitted, which stopped"
    assert run.group("other").read().status == "finished"
    assert run.group("fitted").manifest_file.read_bytes() == manifest
    flip_byte(run.group("fitted").path / run.group("fitted").read().best.file)
    assert resume(toy, nodes) == {}


def test_a_damaged_epoch_that_others_read_stops_them_and_the_others_finish(toy: Toy) -> None:
    low = toy.node("low")
    nodes = [low, toy.node("high", reads=("low.value", "embedding")), toy.node("other", target="choice_factors")]
    run, _ = toy.run("run", nodes)
    folder = run.group("low")
    manifest = folder.read()
    newest = attrs.evolve(manifest.epochs[-1], validation_loss=9.0)  # so that an earlier epoch is the fixed one
    folder.write(attrs.evolve(manifest, epochs=(*manifest.epochs[:-1], newest)))
    begin_again(run, "high", "other")
    flip_byte(folder.path / folder.read().best.file)
    stopped = resume(toy, nodes)
    assert list(stopped) == ["low", "high"]
    assert f"{folder.read().best.file} is damaged" in stopped["low"]
    assert stopped["high"] == "it reads low, which stopped"
    assert run.group("other").read().status == "finished"


def test_other_epochs_below_stop_the_reader_alone(toy: Toy) -> None:
    nodes = [toy.node("low"), toy.node("high", reads=("low.value", "embedding")), toy.node("other")]
    run, _ = toy.run("run", nodes)
    folder = run.group("low")
    manifest = folder.read()
    best = attrs.evolve(manifest.best, validation_loss=9.0)
    folder.write(attrs.evolve(manifest, epochs=tuple(best if one == manifest.best else one for one in manifest.epochs)))
    begin_again(run, "other")
    stopped = resume(toy, nodes)
    assert list(stopped) == ["high"]
    assert "group 'high' was trained on other epochs of low, or without them; restore their folders" in stopped["high"]
    assert run.group("other").read().status == "finished"
