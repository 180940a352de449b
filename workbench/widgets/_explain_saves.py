"""Saving a map from the explain panel: as NIfTI with how it was made, as DICOM, as a picture."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import ClassVar, TypedDict

from workbench.errors import FileError, InputError
from workbench.explain import Explanation
from workbench.io import GeometryWarning
from workbench.widgets._explain_steps import ExplainSteps
from workbench.widgets._files import Listing, listing
from workbench.widgets.desk_panel import DeskPanel

#: What a map can be saved as: with all that made it, or for other programs.
_WHOLE, _ALONE = (".nii.gz", ".nii", ".npz"), (".dcm", ".png")


class SavedPlace(TypedDict):
    """Where a map was saved."""

    name: str
    folder: str


class SavedMap(TypedDict):
    """A map was saved; this is for the page that is open, as a folder may name a patient."""

    saved_map: SavedPlace


class ExplainSaves(ExplainSteps):
    """The part of the explain panel that saves maps."""

    actions: ClassVar = ExplainSteps.actions | {"save": "save_asked"}
    questions: ClassVar = {"browse": "browse"}
    says: ClassVar = (*DeskPanel.says, SavedMap)

    def save(self, path: str | Path, number: int | None = None, *, patient: bool = False) -> Path:
        """Save a map of the list; the ending of the name says as what.

        Parameters
        ----------
        path : path
            ``.nii.gz``, ``.nii``, ``.npz``: the map, and beside it a ``.json`` with how it was made. ``.dcm``: a DICOM
            Parametric Map. ``.png``: a picture.
        number : int, optional
            Which map of the list; the newest by default.
        patient : bool
            Of a DICOM map: whether the patient's and the study's names, numbers and dates are copied from the images.

        Raises
        ------
        InputError
            If there is no such map, or the name has another ending.
        FileError
            If it cannot be written.
        """
        text = str(path).strip()
        with self.working("Saving the map", secrets=(text,)) as work:
            one = next((one for one in self._list.maps if number in (None, one.number)), None)
            if number is None and self._list.maps:
                one = self._list.maps[-1]
            if one is None:
                numbers = ", ".join(str(m.number) for m in self._list.maps)
                have = f"there is no map number {number}, but {numbers}" if numbers else "none has been made yet"
                raise InputError(f"A map to be saved must be one of the list; {have}.")
            place = Path(text).expanduser()
            ending = next((one for one in (*_WHOLE, *_ALONE) if place.name.lower().endswith(one)), "")
            if not ending or place.name.lower() == ending:
                endings = ", ".join((*_WHOLE, *_ALONE))
                raise InputError(f"A map is saved under a name that ends with {endings}, got {place.name!r}.")
            if not place.parent.is_dir():
                raise FileError(f"There is no folder {place.parent}. Choose another, or make it first.")
            why = one.explanation
            whole = ending in _WHOLE
            saved, lacking = work.apart(lambda: (why.save(place), "") if whole else _exported(why, place, patient))
        saved = saved.resolve()
        self.note = f"saved {'with how it was made' if whole else f'as {ending}'}{lacking and '; '}{lacking}"
        self.send(SavedMap(saved_map={"name": saved.name, "folder": str(saved.parent)}))
        return saved

    def save_asked(self, number: int, path: str, patient: bool = False) -> None:
        """Save a map as a click asks for: before something is replaced, it is asked."""
        place = Path(path.strip()).expanduser()
        whole = next((ending for ending in _WHOLE if place.name.lower().endswith(ending)), "")
        beside = place.with_name(place.name[: len(place.name) - len(whole)] + ".json") if whole else place
        if not (place.is_file() or beside.is_file()):
            self.save(path, number, patient=patient)
        else:
            # no name of a file in what is asked: it is state, which notebooks keep
            text = "The file that is there is replaced, and what lies beside it."
            self.ask("There is a file of this name already.", text, "Replace it", self.save,
                     path=path, number=number, patient=patient)  # fmt: skip

    def browse(self, folder: str | None = None) -> Listing:
        """Return what lies in a folder, for the file picker of the page."""
        return listing(folder, lambda name: name.lower().endswith((*_WHOLE, *_ALONE)))


def _exported(why: Explanation, place: Path, patient: bool) -> tuple[Path, str]:
    """Export a map; return where it is, and what of the images it could not be given."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GeometryWarning)
        saved = why.export(place, patient=patient)
    lacking = [str(one.message) for one in caught if issubclass(one.category, GeometryWarning)]
    return saved, "; ".join(lacking)
