"""Data sets: a catalogue of lazy sequences of samples, with splits by patient and a card each."""

from __future__ import annotations

from workbench.datasets.annotations import TASKS
from workbench.datasets.cards import Card, CardList
from workbench.datasets.catalogue import card, from_spec, list, load, options, parameters, register
from workbench.datasets.dataset import Dataset, Sample
from workbench.datasets.entry import Entry
from workbench.datasets.obtain import download
from workbench.datasets.sources.memory import from_list
from workbench.datasets.splits import make_splits

__all__ = [
    "TASKS",
    "Card",
    "CardList",
    "Dataset",
    "Entry",
    "Sample",
    "card",
    "download",
    "from_list",
    "from_spec",
    "list",
    "load",
    "make_splits",
    "options",
    "parameters",
    "register",
]
