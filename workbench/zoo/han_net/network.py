"""A nested U-Net (dense skips between U-Nets of every depth) whose skips pass attention to channels and positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.zoo.blocks.instance import class_logits, mask_channels

#: Share of the channels that the attention's hidden layer has, and the size of its window on positions.
_REDUCTION, _WINDOW = 8, 7


def sizes(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return (multiple, minimum) of the size of a picture: it is halved ``depth`` times."""
    multiple = 2 ** config["depth"]
    return multiple, multiple


def default_layer(config: Mapping[str, Any]) -> str:
    """Return the last feature map at full resolution, that of the deepest U-Net."""
    return f"nodes.{_place(config['depth'], 0, config['depth'])}.body"


def _place(depth: int, level: int, column: int) -> int:
    """Return the number of a node of the grid, which is filled column by column."""
    return sum(depth + 1 - before for before in range(column)) + level


def define(nn: Any, F: Any, ops: Any) -> type:
    """Return the network class; node (level l, column k) is the end of a U-Net of depth k that begins at level l."""

    class Attention(nn.Module):
        """Weights for channels, then for positions, from means and maxima (Woo et al. 2018, arXiv 1807.06521)."""

        def __init__(self, channels: int, kind: str) -> None:
            super().__init__()
            hidden = max(1, channels // _REDUCTION)
            self.by_channel = kind in {"hybrid", "channel"}
            self.by_position = kind in {"hybrid", "position"}
            if self.by_channel:
                self.squeeze = nn.Conv2d(channels, hidden, 1)
                self.excite = nn.Conv2d(hidden, channels, 1)
            if self.by_position:
                self.position = nn.Conv2d(2, 1, _WINDOW, padding=_WINDOW // 2)

        def forward(self, x: Any) -> Any:
            if self.by_channel:
                mean = self.excite(F.relu(self.squeeze(ops.mean(x, dim=(2, 3), keepdim=True))))
                peak = self.excite(F.relu(self.squeeze(ops.amax(x, dim=(2, 3), keepdim=True))))
                x = x * ops.sigmoid(mean + peak)
            if self.by_position:
                across = (ops.mean(x, dim=1, keepdim=True), ops.amax(x, dim=1, keepdim=True))
                x = x * ops.sigmoid(self.position(ops.cat(across, dim=1)))
            return x

    class Node(nn.Module):
        def __init__(self, in_channels: int, out_channels: int, attention: str) -> None:
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
                nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(out_channels),
                nn.ReLU(),
            )
            self.attention = nn.Identity() if attention == "none" else Attention(out_channels, attention)

        def forward(self, x: Any) -> Any:
            return self.attention(self.body(x))

    class HanNet(nn.Module):
        """Maps of pictures [n, in_channels, i, j] by name.

        ``logits`` [n, num_classes, i, j], and ``mask`` [n, 3, i, j] (background, inside, boundary) where that is not
        what ``logits`` are.
        """

        def __init__(
            self, in_channels: int, num_classes: int, width: int, depth: int, attention: str, heads: str
        ) -> None:
            super().__init__()
            widths = [width * 2**level for level in range(depth + 1)]
            nodes = []
            for column in range(depth + 1):
                for level in range(depth + 1 - column):
                    if column == 0:
                        before = in_channels if level == 0 else widths[level - 1]
                    else:
                        before = widths[level] * column + widths[level + 1]
                    # the deepest map of a column is no skip
                    kind = attention if level < depth - column or column == depth else "none"
                    nodes.append(Node(before, widths[level], kind))
            self.nodes = nn.ModuleList(nodes)
            self.columns = list(range(1, depth + 1)) if heads == "all" else [depth]
            self.heads = nn.ModuleList([nn.Conv2d(width, mask_channels(num_classes), 1) for _ in self.columns])
            self.depth = depth
            self.num_classes = num_classes

        def forward(self, x: Any) -> Any:
            grid: list[list[Any]] = []
            for column in range(self.depth + 1):
                for level in range(self.depth + 1 - column):
                    node = self.nodes[_place(self.depth, level, column)]
                    if column > 0:
                        up = F.interpolate(grid[level + 1][column - 1], scale_factor=2, mode="nearest")
                        y = node(ops.cat((*grid[level], up), dim=1))
                    elif level == 0:
                        y = node(x)
                    else:
                        y = node(F.max_pool2d(grid[level - 1][0], 2))
                    if column == 0:
                        grid.append([y])
                    else:
                        grid[level].append(y)
            mask = self.heads[0](grid[0][self.columns[0]])
            for index in range(1, len(self.columns)):
                mask = mask + self.heads[index](grid[0][self.columns[index]])
            mask = mask / len(self.columns)
            outputs = {"logits": class_logits(ops, mask, self.num_classes)}
            if self.num_classes != mask.shape[1]:
                outputs["mask"] = mask
            return outputs

    return HanNet
