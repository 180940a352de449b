"""What an adapter answers: whether something is a model of its kind, and what there is to know of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench._accepting import instances_of
from workbench._plugins import Registry
from workbench._rooms import classes_in


@dataclass(frozen=True)
class Found:
    """A network, and what is known of it.

    Parameters
    ----------
    network : torch.nn.Module or mindspore.nn.Cell
        Ready to be asked, on its device.
    said : mapping
        What `wrap` takes, by the same names, as far as it is known; what a person says is heard instead.
    notes : tuple of str
        What a careful reader of an answer should know, in whole sentences.
    reference, licence : str
        What to cite, and what may be done with it, where that is known.
    """

    network: Any
    said: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reference: str = ""
    licence: str = ""


class Adapter(ABC):
    """One kind of models that were made elsewhere. Stateless; a file of its own in ``zoo/foreign/adapters/``.

    A package offers its own through the entry point group ``workbench.model_adapters``.
    """

    #: What it is called in code, and in words with an article: "a bundle of MONAI".
    name: ClassVar[str]
    title: ClassVar[str]
    #: Its place among the others, which are asked one after the other.
    order: ClassVar[float] = 100

    @abstractmethod
    def takes(self, thing: Any) -> bool:
        """Tell whether something is a model of this kind, without running or importing anything of it."""

    @abstractmethod
    def read(self, thing: Any, said: Mapping[str, Any]) -> Found:
        """Return the network, and what is known of it.

        Nothing that came with it is run but the network, and no file is read that could hold code.

        Parameters
        ----------
        said : mapping
            What a person said of it, by the names that `wrap` has: that need not be found out.

        Raises
        ------
        InputError, FileError, MissingExtraError
            If something of it cannot be taken over as it is; the message says what to say instead.
        """


#: Every adapter; `ADAPTERS.register` adds a class that is written down in a notebook.
ADAPTERS: Registry[Adapter] = Registry(
    "workbench.model_adapters",
    "adapter of models",
    instances_of(Adapter, ("title",)),
    builtin=classes_in("workbench.zoo.foreign.adapters", Adapter),
)
register = ADAPTERS.register


def adapters() -> list[Adapter]:
    """Return every adapter, in the order in which they are asked."""
    return sorted(ADAPTERS.all().values(), key=lambda one: (one.order, one.name))
