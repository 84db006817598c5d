from . import memory
from .analysis import Analysis
from .analyzing import Refused
from .automating import auto
from .calculating import calculate
from .decision import Decision
from .distilling import Distilled, distill
from .exporting import Exported, export
from .forecasting import Forecast
from .growing import Grown, grow
from .loading import decide, load
from .main_job import run
from .models import Model
from .packing import pack
from .plugin_list import plugins
from .reasons import Explanation
from .remote import pull, push
from .runs import Run, open_run
from .stores import inspect, prepare
from .training import train
from .tuning import search, sweep

__all__ = [
    "Analysis",
    "Decision",
    "Distilled",
    "Explanation",
    "Exported",
    "Forecast",
    "Grown",
    "Model",
    "Refused",
    "Run",
    "auto",
    "calculate",
    "decide",
    "distill",
    "export",
    "grow",
    "inspect",
    "load",
    "memory",
    "open_run",
    "pack",
    "plugins",
    "prepare",
    "pull",
    "push",
    "run",
    "search",
    "sweep",
    "train",
]
