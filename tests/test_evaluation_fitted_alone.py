"""A run of groups that are fitted in closed form alone is evaluated as any other, with one way to make its model."""

from __future__ import annotations

from toy import Toy

from redheart_core.evaluation.evaluate import evaluate_test
from redheart_core.inspection.baselines import BASELINES
from redheart_core.selection.picks import Pick
from redheart_core.selection.rivals import RIVALS, compare_methods
from redheart_core.selection.sweetspot import find_sweetspot, trained_groups
from redheart_core.testing import activate, load_installed


def test_a_run_of_fitted_groups_alone_is_evaluated(toy: Toy) -> None:
    nodes, store = [activate(load_installed(name)) for name in ("linear", "mean_fusion")], toy.store()
    run, stopped = toy.run("run", nodes, store)
    assert stopped == {}
    context = toy.context(nodes, store)
    sweetspot = find_sweetspot(run, trained_groups(run))
    chosen = {group: Pick.single("selection", entry) for group, entry in sweetspot.chosen("best").items()}
    found = evaluate_test(run, context, sweetspot, chosen)
    assert found.variants == ("crossover", "common epoch", "beyond noise", *BASELINES)
    assert found.best_method == "selection"
    assert set(found.losses["crossover"]) == {"linear", "mean_fusion"}
    assert found.losses["crossover"] == found.losses["common epoch"]
    for table in found.main:
        figures = {name: one.value for name, one in table.figures.items()}
        assert figures["crossover"] == figures["common epoch"]
        assert figures["crossover"] != figures["constant"]
    rivals, pools = compare_methods(run, context)
    assert RIVALS.read(run.path / "rivals.json") == rivals
    assert rivals.picks("selection") == rivals.picks("chosen") == {}
    assert set(pools) == {"linear", "mean_fusion"}
