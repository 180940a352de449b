"""Public sets of pictures with annotations of many kinds: nuclei, blood cells, fetal heads, lesions, polyps.

Each module holds a card and a reader; what they share is in `base`.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.datasets.entry import Entry
from workbench.datasets.pictures import blood_cells, covid_ct, fetal_heads, nuclei, polyps


def entries() -> Iterator[Entry]:
    """Yield the catalogue's entries."""
    for module in (nuclei, blood_cells, fetal_heads, covid_ct, polyps):
        yield module.ENTRY
