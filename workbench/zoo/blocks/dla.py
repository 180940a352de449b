"""Deep layer aggregation (Yu et al. 2018, arXiv 1707.06484): DLA-34, and its up-sampling as CenterNet uses it.

Names of weights are those of CenterNet's files (``base.level3.tree1.root.conv.weight``, ``dla_up.ida_0.proj_1...``).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from workbench.zoo.blocks.deformable import deformable_conv


def dla_channels(width: int = 64) -> tuple[int, ...]:
    """Return the channels of the six maps of a DLA-34 that has `width` of them at stride 4."""
    return tuple(width * 2**level // 4 for level in range(6))


def dla(nn: Any, F: Any, ops: Any) -> SimpleNamespace:
    """Return the classes ``DLA34`` (pictures to six maps), ``Aggregate`` and ``AggregateUp`` of a framework."""
    Deformable: Any = deformable_conv(nn, F, ops)

    def unit(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> Any:
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    class Block(nn.Module):
        """Two convolutions beside a shortcut that the caller hands in."""

        def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(out_channels)
            self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(out_channels)

        def forward(self, x: Any, shortcut: Any) -> Any:
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + shortcut)

    class Root(nn.Module):
        """Joins what a tree has grown."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.bn = nn.BatchNorm2d(out_channels)

        def forward(self, x: Any) -> Any:
            return F.relu(self.bn(self.conv(x)))

    class Tree(nn.Module):
        """Two blocks and their root, which also sees `more` channels from elsewhere in the stage."""

        def __init__(self, in_channels: int, out_channels: int, stride: int, more: int = 0) -> None:
            super().__init__()
            self.tree1 = Block(in_channels, out_channels, stride)
            self.tree2 = Block(out_channels, out_channels, 1)
            self.root = Root(2 * out_channels + more, out_channels)
            self.downsample = nn.MaxPool2d(stride, stride=stride) if stride > 1 else nn.Identity()
            if in_channels == out_channels:
                self.project = nn.Identity()
            else:
                self.project = nn.Sequential(
                    nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
                )

        def forward(self, x: Any, others: Any = ()) -> Any:
            first = self.tree1(x, self.project(self.downsample(x)))
            second = self.tree2(first, first)
            return self.root(ops.cat((second, first, *others), dim=1))

    class RootedTree(Tree):
        """A stage of one tree whose root sees the stage's input too."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__(in_channels, out_channels, 2, in_channels)

        def forward(self, x: Any, others: Any = ()) -> Any:
            return super().forward(x, (*others, self.downsample(x)))

    class TreePair(nn.Module):
        """A stage of two trees; the root of the second sees the stage's input and the first tree too."""

        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.tree1 = Tree(in_channels, out_channels, 2)
            self.tree2 = Tree(out_channels, out_channels, 1, in_channels + out_channels)
            self.downsample = nn.MaxPool2d(2, stride=2)

        def forward(self, x: Any) -> Any:
            first = self.tree1(x)
            return self.tree2(first, (self.downsample(x), first))

    class DLA34(nn.Module):
        """Maps of strides 1, 2, 4, 8, 16 and 32."""

        def __init__(self, in_channels: int, width: int = 64) -> None:
            super().__init__()
            c = dla_channels(width)
            self.base_layer = unit(in_channels, c[0], 7)
            self.level0 = unit(c[0], c[0], 3)
            self.level1 = unit(c[0], c[1], 3, stride=2)
            self.level2 = Tree(c[1], c[2], 2)
            self.level3 = TreePair(c[2], c[3])
            self.level4 = TreePair(c[3], c[4])
            self.level5 = RootedTree(c[4], c[5])

        def features(self, x: Any) -> Any:
            zero = self.level0(self.base_layer(x))
            one = self.level1(zero)
            two = self.level2(one)
            three = self.level3(two)
            four = self.level4(three)
            return zero, one, two, three, four, self.level5(four)

        def forward(self, x: Any) -> Any:
            return self.features(x)[5]

    class DeformableUnit(nn.Module):
        def __init__(self, in_channels: int, out_channels: int) -> None:
            super().__init__()
            self.conv = Deformable(in_channels, out_channels)
            self.actf = nn.Sequential(nn.BatchNorm2d(out_channels), nn.ReLU())

        def forward(self, x: Any) -> Any:
            return self.actf(self.conv(x))

    def enlarge(channels: int, factor: int) -> Any:
        """Return a transposed convolution by channel that starts as linear interpolation."""
        up = nn.ConvTranspose2d(
            channels, channels, 2 * factor, stride=factor, padding=factor // 2, groups=channels, bias=False
        )
        line = ops.arange(2 * factor, dtype=ops.float32)
        line = 1 - ops.abs((line + 0.5) / factor - 1)
        kernel = line.reshape(1, 1, -1, 1) * line.reshape(1, 1, 1, -1)
        up.weight = nn.Parameter(ops.zeros(channels, 1, 1, 1) + kernel)
        return up

    class Aggregate(nn.Module):
        """Joins coarser and coarser maps to the finest one, one after the other ("iterative deep aggregation").

        With convolutions the maps are put side by side, with deformable ones they are added.
        """

        def __init__(self, out_channels: int, in_channels: Any, factors: Any, deformable: bool) -> None:
            super().__init__()
            self.steps = len(in_channels)
            self.deformable = deformable
            for step in range(1, self.steps):
                given = in_channels[step]
                if deformable:
                    project, node = DeformableUnit(given, out_channels), DeformableUnit(out_channels, out_channels)
                else:
                    project = nn.Identity() if given == out_channels else unit(given, out_channels, 1)
                    node = unit(2 * out_channels, out_channels, 3)
                setattr(self, f"proj_{step}", project)
                setattr(self, f"up_{step}", enlarge(out_channels, factors[step]))
                setattr(self, f"node_{step}", node)

        def joined(self, maps: Any) -> Any:
            """Return the results of all steps."""
            x = maps[0]
            results = []
            for step in range(1, self.steps):
                coarse = getattr(self, f"up_{step}")(getattr(self, f"proj_{step}")(maps[step]))
                both = coarse + x if self.deformable else ops.cat((x, coarse), dim=1)
                x = getattr(self, f"node_{step}")(both)
                results.append(x)
            return results

        def forward(self, *maps: Any) -> Any:
            return self.joined(maps)[-1]

    class AggregateUp(nn.Module):
        """From maps of strides 4, 8, 16, 32 to finer ones of strides 4, 8, 16; channels as given."""

        def __init__(self, channels: Any, deformable: bool) -> None:
            super().__init__()
            self.ida_0 = Aggregate(channels[2], channels[2:4], (1, 2), deformable)
            self.ida_1 = Aggregate(channels[1], (channels[1], channels[2], channels[2]), (1, 2, 2), deformable)
            finest = (channels[0], channels[1], channels[1], channels[1])
            self.ida_2 = Aggregate(channels[0], finest, (1, 2, 2, 2), deformable)

        def features(self, maps: Any) -> Any:
            sixteenth = self.ida_0.joined(maps[2:4])
            eighth = self.ida_1.joined((maps[1], maps[2], *sixteenth))
            quarter = self.ida_2.joined((maps[0], maps[1], *eighth))
            return quarter[-1], eighth[-1], sixteenth[-1]

    return SimpleNamespace(DLA34=DLA34, Aggregate=Aggregate, AggregateUp=AggregateUp)
