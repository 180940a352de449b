"""What several data sets take as options, so that each means the same and has the same limits everywhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Literal

from workbench.signatures import Field, Range

Cases = Annotated[int, Range(low=1), Field(label="Cases")]
Size = Annotated[int | Sequence[int], Range(low=1, unit="voxels")]
Spacing = Annotated[float | Sequence[float], Range(above=0, unit="mm")]
Seed = Annotated[int, Range(low=0)]
Noise = Annotated[float, Range(low=0)]
Chance = Annotated[float, Range(low=0, high=1)]
#: Whether images whose high values are meant to look dark (MONOCHROME1) are turned.
Inverting = Literal["never", "if-inverted"]
#: A place on this machine: its name may be a patient's.
Place = Annotated[str | os.PathLike[str], Field(private=True)]
