"""The kernels that answer are torch's own; whoever asks for them leaves torch as it was."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import pytest
import torch

from redheart_core.storage.runtime import plain_kernels

ONEDNN: Any = torch.backends.mkldnn


def in_use() -> bool:
    return bool(ONEDNN.enabled)


@pytest.fixture(autouse=True)
def enabled_before() -> None:
    assert in_use()


def test_inside_onednn_is_not_used_and_afterwards_it_is() -> None:
    with plain_kernels():
        assert not in_use()
        with plain_kernels():
            assert not in_use()
        assert not in_use()
    assert in_use()


def test_an_error_inside_gives_it_back() -> None:
    with pytest.raises(KeyError), plain_kernels():
        raise KeyError
    assert in_use()


def test_somebody_who_switched_it_off_finds_it_off() -> None:
    ONEDNN.enabled = False
    try:
        with plain_kernels():
            assert not in_use()
        assert not in_use()
    finally:
        ONEDNN.enabled = True


def test_the_last_thread_that_leaves_gives_it_back() -> None:
    inside, left = Barrier(2, timeout=30), Barrier(2, timeout=30)
    seen = []

    def first() -> None:
        with plain_kernels():
            inside.wait()
        left.wait()

    def second() -> None:
        with plain_kernels():
            inside.wait()
            left.wait()
            seen.append(in_use())

    threads = [Thread(target=first), Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert seen == [False]
    assert in_use()
