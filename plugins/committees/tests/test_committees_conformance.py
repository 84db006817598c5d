"""The contract of plugins, kept by the members and the fusions."""

from __future__ import annotations

from typing import Any

import pytest

from redheart_core.testing import PLUGIN_CHECKS, conformance_tests, load_installed

test_bag = conformance_tests("bag_1")
test_first_boost = conformance_tests("boost_1")
test_second_boost = conformance_tests("boost_2")
test_bagging = conformance_tests("bagging_fusion")
test_boosting = conformance_tests("boosting_fusion")


@pytest.mark.parametrize("check", PLUGIN_CHECKS, ids=lambda check: str(check.__name__).removeprefix("check_"))
@pytest.mark.parametrize("name", ["bag_2", "bag_3", "bag_4", "bag_5", "boost_3"])
def test_the_members_of_which_others_are_checked_are_declared_as_agreed(name: str, check: Any) -> None:
    check(load_installed(name))
