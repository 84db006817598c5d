from . import memory
from .analysis import Analysis
from .automating import auto
from .calculating import calculate
from .decision import Decision
from .forecasting import Forecast
from .models import Model, decide, load
from .plugin_list import plugins
from .reasons import Explanation
from .remote import pull, push
from .runs import Run, open_run
from .stores import inspect, prepare
from .training import run, train
from .tuning import search, sweep

__all__ = [
    "Analysis",
    "Decision",
    "Explanation",
    "Forecast",
    "Model",
    "Run",
    "auto",
    "calculate",
    "decide",
    "inspect",
    "load",
    "memory",
    "open_run",
    "plugins",
    "prepare",
    "pull",
    "push",
    "run",
    "search",
    "sweep",
    "train",
]
