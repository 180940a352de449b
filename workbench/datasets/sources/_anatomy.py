"""A made-up patient: a chest and upper abdomen of smooth organs, different in every case.

Coordinates are RAS millimetres (x to the right, y to the front, z to the head), the origin in the middle of the chest.
Proportions are those of an adult; the values are Hounsfield units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.datasets.sources._shapes import Canvas, Cloud, Field, Point, both, cover, either, ellipsoid, path, tube

#: Names of the label values.
ORGANS = ("background", "lungs", "heart", "liver", "spine", "lesion")
LUNGS, HEART, LIVER, SPINE, LESION = range(1, 6)

#: How far in mm bending and turning can move a point of the patient.
_SLACK = 24.0


@dataclass(frozen=True)
class Lesion:
    """A bumpy ball; `site` is the label of the organ it grew in."""

    site: int
    center: Point
    radius: float
    bumps: tuple[tuple[float, float, float, float], ...]  # direction of a wave, and its phase


class Patient:
    """One anatomy, drawn from a random generator; :meth:`paint` fills any grid with it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Everything about the patient comes from it.
    lesion_probability : float
        Chance of a lesion.
    lesion_size : tuple of float
        Smallest and largest diameter in mm.
    upright : bool
        Standing, without contrast agent, lesions in the lungs only (radiograph); or lying on the back (CT).
    """

    def __init__(
        self,
        rng: np.random.Generator,
        lesion_probability: float,
        lesion_size: tuple[float, float],
        *,
        upright: bool = False,
    ) -> None:
        draw = rng.uniform
        self.has_lesion = bool(draw() < lesion_probability)
        self._upright = upright
        self._width = draw(150, 178)
        self._depth = self._width * draw(0.63, 0.71)
        self._fat = draw(8, 20)
        self._blood = 45.0 if upright else draw(110, 190)
        self._liver_hu = 58.0 if upright else draw(95, 120)
        self._waves = [(draw(0, math.tau), draw(1.5, 4.5)) for _ in range(6)]
        self._turn = math.radians(draw(-4, 4))
        self._breath = draw(-14, 10)  # height of the diaphragm
        self._heart_size = draw(0.9, 1.12)
        self._rib_phase, self._spine_phase = draw(0, 1), draw(0, 1)
        self._vessels = [*_branches(rng, +1), *_branches(rng, -1)]
        self._fine, self._coarse = Cloud(rng, 7), Cloud(rng, 26)
        self.lesion = self._place_lesion(rng, lesion_size) if self.has_lesion else None

    def paint(
        self, x: Field, y: Field, z: Field, voxel: float, *, table: bool = False
    ) -> tuple[Field, NDArray[np.uint8]]:
        """Return Hounsfield units and labels on the grid of three axes in mm, with voxels of about `voxel` mm."""
        px, py, pz = self._pose(x[:, None, None], y[None, :, None], z[None, None, :])
        canvas = Canvas((x, y, z), (px, py, pz), voxel, _SLACK)
        fine, coarse = self._fine(x, y, z), self._coarse(x, y, z)
        if table:
            self._table(canvas)
        skin = self._skin(px, py, pz)
        self._wall(canvas, skin, fine, coarse)
        inner = skin + np.float32(self._fat + 17)
        self._belly(canvas, inner, fine)
        self._chest(canvas, inner, fine, coarse)
        self._ribs(canvas, skin)
        self._spine(canvas, skin, fine)
        if self.lesion is not None:
            self._paint_lesion(canvas, self.lesion, fine)
        return canvas.hu, canvas.labels

    def _pose(self, x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
        """Turn the patient a little, and bend everything by a few millimetres so that no organ is a perfect shape."""
        x, y, z = (np.asarray(axis, dtype=np.float32) for axis in (x, y, z))
        cos, sin = np.float32(math.cos(self._turn)), np.float32(math.sin(self._turn))
        (p0, a0), (p1, a1), (p2, a2), (p3, a3), (p4, a4), (p5, a5) = [
            (np.float32(phase), np.float32(size)) for phase, size in self._waves
        ]
        # everything in brackets depends on two axes at most, which keeps it cheap
        turned_x, turned_y = cos * x + sin * y, cos * y - sin * x
        bent_x = (turned_x + a1 * np.sin(turned_y / 47 + p1)) + a0 * np.sin(z / 61 + p0)
        bent_y = (turned_y + a3 * np.sin(turned_x / 53 + p3)) + a2 * np.sin(z / 83 + p2)
        bent_z = (a4 * np.sin(turned_x / 41 + p4) + a5 * np.sin(turned_y / 37 + p5)) + z
        return bent_x, bent_y, bent_z

    # ---- shapes: distances in mm, negative inside ------------------------------------------------------------------

    def _skin(self, x: Field, y: Field, z: Field) -> Field:
        # the shoulders slope to the neck from 88 mm up; the waist is a little narrower than the chest
        up = np.clip((z - 88) / 75, 0, 1)
        slope = up * up * (3 - 2 * up)
        waist = 1 + np.float32(0.03) * np.cos(z / 60)
        width = np.float32(self._width) * waist
        depth = np.float32(self._depth) * waist
        width += (68 - width) * slope
        depth += (66 - depth) * slope
        u2, v2 = (x / width) ** 2, (y / depth) ** 2
        # between an ellipse (2 u2 v2) and a rounded rectangle (0)
        ratio = np.sqrt(np.sqrt(u2 * u2 + v2 * v2 + np.float32(1.25) * u2 * v2))
        return np.asarray(np.sqrt(x * x + y * y) * (1 - 1 / np.maximum(ratio, np.float32(0.05))), dtype=np.float32)

    def _above_diaphragm(self, x: Field, y: Field, z: Field) -> Field:
        depth2 = ((y - 8) / 88) ** 2
        right = np.float32(self._breath - 22) - 46 * (((x - 68) / 72) ** 2 + depth2)
        left = np.float32(self._breath - 36) - 46 * (((x + 68) / 72) ** 2 + depth2)
        dome = np.maximum(both(right, left, 12), -125)
        return np.asarray((dome - z) * np.float32(0.85), dtype=np.float32)

    def _lungs(self, x: Field, y: Field, z: Field, inner: Field, above: Field, heart: Field) -> Field:
        shape = ellipsoid(np.abs(x), y, z, (66, -10, -20), (self._width * 0.58, self._depth * 0.92, 158))
        middle = np.float32(26) - np.abs(x + 3) + np.maximum(z - 70, 0) * np.float32(0.12)
        shape = both(both(shape, inner + 3, 10), middle, 10)
        return both(both(shape, above, 6), np.float32(5) - heart, 6)

    def _heart(self, x: Field, y: Field, z: Field) -> Field:
        # the long axis points to the left, the front and down
        size = self._heart_size
        cx, cy, cz = x + 24, y - 26, z - np.float32(4 + 0.8 * self._breath)
        along = -0.72 * cx + 0.42 * cy - 0.55 * cz
        front = 0.45 * cx + 0.88 * cy + 0.08 * cz
        up = -0.52 * cx + 0.19 * cy + 0.83 * cz
        return ellipsoid(along, front, up, (0, 0, 0), (66 * size, 44 * size, 49 * size))

    def _liver(self, x: Field, y: Field, z: Field, inner: Field) -> Field:
        low = z - np.float32(self._breath)
        right = ellipsoid(x, y, low, (66, 2, -78), (80, 88, 84))
        left = ellipsoid(x, y, low, (-4, 44, -66), (82, 40, 38))
        shape = both(either(right, left, 14), inner + 4, 8)
        return both(shape, np.float32(4) - self._above_diaphragm(x, y, z), 6)

    # ---- tissues ---------------------------------------------------------------------------------------------------

    def _wall(self, canvas: Canvas, skin: Field, fine: Field, coarse: Field) -> None:
        fat = np.float32(self._fat)
        canvas.paint(skin, 20)
        canvas.paint(skin + 2.5, -98 + 6 * fine)
        canvas.paint(skin + fat + 2 * coarse, 52 + 6 * fine)
        # between the muscles, and what fills the belly: bowel in fat
        canvas.paint(np.abs(skin + (fat + 13) + 2 * coarse) - np.float32(1.2), -60)
        canvas.paint(skin + (fat + 17), -95 + 125 * np.clip(0.5 + 1.6 * coarse, 0, 1) + 8 * fine)
        box = canvas.near((-130, -20, -400), (130, 110, -80))
        gas = both(np.float32(9) * (np.float32(1.75) - coarse[box]), canvas.z[box] + 95)
        canvas.paint(both(gas, skin[box] + (fat + 25)), -800, box)

    def _belly(self, canvas: Canvas, inner: Field, fine: Field) -> None:
        low, blood = self._breath, self._blood - 45
        box = canvas.near((-130, -90, low - 125), (-60, 10, low - 20))
        spleen = both(ellipsoid(*canvas.points(box), (-98, -42, low - 72), (30, 44, 46)), inner[box] + 4, 6)
        canvas.paint(spleen, 48 + 0.55 * blood + 4 * fine[box], box)
        box = canvas.near((-112, -20, low - 130), (-10, 75, low - 30))
        px, py, pz = canvas.points(box)
        stomach = both(ellipsoid(px, py, pz, (-62, 26, low - 82), (48, 44, 46)), inner[box] + 6, 8)
        canvas.paint(stomach, 45, box)
        canvas.paint(stomach + 5, 12 + 4 * fine[box], box)
        air = np.float32(low - 66) - pz if self._upright else np.float32(38) - py
        canvas.paint(both(stomach + 6, air), -980, box)
        for side in (-1, 1):
            box = canvas.near((side * 62 - 30, -72, low - 195), (side * 62 + 30, -20, low - 88))
            kidney = ellipsoid(*canvas.points(box), (side * 62, -46, low - 142), (29, 25, 52))
            canvas.paint(kidney, 35 + blood, box)
            canvas.paint(kidney + 12, 32 + 0.4 * blood, box)
        box = canvas.near((-90, -95, low - 165), (160, 95, low + 10))
        liver = self._liver(*canvas.points(box), inner[box])
        canvas.paint(liver, self._liver_hu + 5 * fine[box], box)
        canvas.name(liver, LIVER, box)

    def _chest(self, canvas: Canvas, inner: Field, fine: Field, coarse: Field) -> None:
        box = canvas.near((-170, -125, -150), (170, 125, 140))
        px, py, pz = canvas.points(box)
        above = self._above_diaphragm(px, py, pz)
        mediastinum = both(both(np.abs(px + 3) - np.float32(34), inner[box]), above, 10)
        canvas.paint(mediastinum, 10 + 25 * coarse[box], box)
        aorta, cava = (np.full(px.shape, 50, np.float32) for _ in range(2))
        core = tuple(
            slice(max(c.start - b.start, 0), max(c.stop - b.start, 0))
            for c, b in zip(canvas.near((-36, -50, -400), (36, 32, 125)), box, strict=True)
        )
        aorta[core], cava[core] = self._great_vessels(px[core], py[core], pz[core])
        heart = self._heart(px, py, pz)
        lungs = self._lungs(px, py, pz, inner[box], above, heart)
        lungs = both(lungs, np.float32(3) - either(aorta, cava), 3)
        canvas.paint(lungs, -862 - np.float32(0.45) * py + 16 * fine[box] + 12 * coarse[box], box)
        canvas.name(lungs, LUNGS, box)
        self._lung_vessels(canvas, box, cover(lungs, canvas.voxel))
        canvas.paint(aorta, self._blood, box)
        canvas.paint(cava, 45 + 0.8 * (self._blood - 45), box)
        self._airways(canvas)
        canvas.paint(heart, 45.0 + 0.5 * (self._blood - 45) + 3 * fine[box], box)
        canvas.paint(heart + 12, self._blood + 3 * fine[box], box)
        canvas.name(heart, HEART, box)

    def _great_vessels(self, x: Field, y: Field, z: Field) -> tuple[Field, Field]:
        arch: list[Point] = [(12, 14, 12), (14, 16, 52), (6, 6, 72), (-10, -14, 76), (-20, -32, 64), (-21, -36, 40)]
        aorta = path(x, y, z, [*arch, (-20, -36, -30), (-12, -32, -190)], 12.5)
        cava = path(x, y, z, [(22, 6, 110), (22, 8, 30), (22, 0, -40), (20, -24, -190)], 9)
        return aorta, cava

    def _lung_vessels(self, canvas: Canvas, chest: tuple[slice, ...], lungs: Field) -> None:
        share = np.zeros(canvas.hu.shape, np.float32)
        share[chest] = lungs
        for start, end, radius in self._vessels:
            corners = [tuple(pick(s, e) for s, e in zip(start, end, strict=True)) for pick in (min, max)]
            box = canvas.near(corners[0], corners[1])  # type: ignore[arg-type]
            if any(part.start == part.stop for part in box):
                continue
            # a vessel thinner than a voxel fills only part of it
            wide = max(radius, canvas.voxel / 2)
            part = share[box] * np.float32((radius / wide) ** 2)
            canvas.paint(tube(*canvas.points(box), start, end, wide), self._blood, box, part)

    def _airways(self, canvas: Canvas) -> None:
        box = canvas.near((-45, -25, 28), (40, 22, 400))
        px, py, pz = canvas.points(box)
        windpipe = path(px, py, pz, [(0, 12, 260), (0, 10, 170), (0, -4, 110), (2, -10, 62)], 8)
        right = path(px, py, pz, [(2, -10, 62), (30, -12, 42)], 6)
        left = path(px, py, pz, [(2, -10, 62), (-36, -14, 38)], 5.5)
        airway = either(windpipe, either(right, left))
        canvas.paint(airway - 2.5, 30, box)
        canvas.paint(airway, -990, box)

    def _ribs(self, canvas: Canvas, skin: Field) -> None:
        box = canvas.near((-400, -400, -140), (400, 400, 135))
        px, py, pz = canvas.points(box)
        # a rib leaves the spine and runs down towards the front
        height = pz + np.float32(0.5) * py - np.float32(0.0016) * py * py
        turns = height / 27 + np.float32(self._rib_phase)
        along = (turns - np.round(turns)) * np.float32(27 / 6.4)
        shell = (skin[box] + np.float32(self._fat + 9)) / np.float32(4.4)
        rib = (np.sqrt(along * along + shell * shell) - 1) * np.float32(4.8)
        front = py > 0
        ends = np.where(front, np.float32(34), np.float32(-6)) - np.abs(px)  # cartilage at the breastbone
        margin = np.where(front, -70 + np.float32(0.9) * py, np.float32(-122)) - pz  # the costal margin
        rib = both(both(rib, ends), both(margin, pz - 118, 4))
        canvas.paint(rib, 620, box)
        canvas.paint(rib + 2.2, 330, box)
        box = canvas.near((-20, self._depth - 60, -40), (20, self._depth, 115))
        plate = ellipsoid(*canvas.points(box), (0, self._depth - self._fat - 10, 38), (19, 6, 72))
        canvas.paint(plate, 260, box)
        for side in (-1, 1):
            points = [(side * 14, self._depth - 42, 100), (side * 66, 46, 108), (side * 112, 0, 104)]
            box = canvas.near((min(0, side * 120), -10, 90), (max(0, side * 120), self._depth, 120))
            collar = both(path(*canvas.points(box), points, 6.4), skin[box] + 6)
            canvas.paint(collar, 620, box)
            canvas.paint(collar + 2.5, 340, box)

    def _spine(self, canvas: Canvas, skin: Field, fine: Field) -> None:
        middle = -self._depth + 62
        box = canvas.near((-46, middle - 75, -400), (46, middle + 35, 400))
        px, py, pz = canvas.points(box)
        py = py - (np.float32(middle) + 7 * np.sin(pz / 90))
        turns = pz / 28 + np.float32(self._spine_phase)
        level = np.abs(turns - np.round(turns)) * 28  # 0 in the middle of a vertebra, 14 in the middle of a disc
        waist = 1 + np.float32(0.0014) * level * level
        body = (np.sqrt((px / 20) ** 2 + (py / 16.5) ** 2) / waist - 1) * 17
        canal = np.sqrt(px * px + (py + 25) ** 2)
        arch = both(np.abs(canal - 11) - np.float32(3.2), level - 10)
        spike = ellipsoid(px, py, level, (0, -45, 0), (4.2, 14, 7))
        wings = ellipsoid(np.abs(px), py, level, (27, -27, 0), (17, 5, 6))
        bone = both(either(either(arch, spike), wings), skin[box] + 7)
        vertebra = both(body, level - 11)
        canvas.paint(body, 85, box)
        canvas.paint(vertebra, 430, box)
        canvas.paint(vertebra + 2.2, 165 + 22 * fine[box], box)
        canvas.paint(bone, 380, box)
        canvas.paint(canal - 8, 25, box)
        canvas.name(either(body, bone), SPINE, box)

    def _paint_lesion(self, canvas: Canvas, lesion: Lesion, fine: Field) -> None:
        reach = 1.35 * lesion.radius
        low, high = ([c + sign * reach for c in lesion.center] for sign in (-1, 1))
        box = canvas.near((low[0], low[1], low[2]), (high[0], high[1], high[2]))
        cx, cy, cz = (axis - np.float32(c) for axis, c in zip(canvas.points(box), lesion.center, strict=True))
        bumps = np.zeros(cx.shape, np.float32)
        for a, b, c, phase in lesion.bumps:
            bumps += np.sin((np.float32(a) * cx + np.float32(b) * cy + np.float32(c) * cz) / lesion.radius + phase)
        ball = np.sqrt(cx * cx + cy * cy + cz * cz) - np.float32(lesion.radius) * (1 + np.float32(0.06) * bumps)
        value = 35.0 if lesion.site == LUNGS else self._liver_hu - 55
        canvas.paint(ball, value + 8 * fine[box], box)
        canvas.name(ball, LESION, box)

    def _table(self, canvas: Canvas) -> None:
        # the couch does not bend with the patient, but nobody sees a millimetre
        box = canvas.near((-190, -150, -400), (190, -100, 400))
        px, py, _ = canvas.points(box)
        plate = np.abs(py + np.float32(self._depth + 10) - px * px / 1600) - np.float32(2.5)
        canvas.paint(both(plate, np.abs(px) - np.float32(190)), -150, box)

    def _place_lesion(self, rng: np.random.Generator, size: tuple[float, float]) -> Lesion:
        radius = float(rng.uniform(*size)) / 2
        site = LUNGS if self._upright or rng.uniform() < 0.5 else LIVER
        x, y, z = (rng.uniform(-s, s, 4000).astype(np.float32) for s in (150.0, 100.0, 140.0))
        inner = self._skin(x, y, z) + np.float32(self._fat + 17)
        if site == LUNGS:
            organ = self._lungs(x, y, z, inner, self._above_diaphragm(x, y, z), self._heart(x, y, z))
        else:
            organ = self._liver(x, y, z, inner)
        # the first place that is deep enough, or the deepest there is
        deep = np.flatnonzero(organ < -0.9 * radius)
        place = int(deep[0]) if deep.size else int(organ.argmin())
        bumps = tuple((*rng.normal(0, 1.6, 3).tolist(), float(rng.uniform(0, math.tau))) for _ in range(4))
        return Lesion(site, (float(x[place]), float(y[place]), float(z[place])), radius, bumps)


def _branches(rng: np.random.Generator, side: int) -> list[tuple[Point, Point, float]]:
    """Grow the vessels of one lung from its root: four generations."""
    out: list[tuple[Point, Point, float]] = []
    tips: list[tuple[NDArray[np.float64], NDArray[np.float64], float, float]] = []
    for tilt in np.linspace(-1.2, 1.2, 5) + rng.uniform(-0.2, 0.2, 5):
        direction = np.array([side * math.cos(tilt), rng.uniform(-0.7, 0.7), math.sin(tilt)])
        root = np.array([side * 30.0, -10.0, 36.0])
        tips.append((root, direction / np.linalg.norm(direction), rng.uniform(28, 38), 5.6))
    for _ in range(4):
        grown = []
        for start, direction, length, radius in tips:
            end = start + direction * length
            out.append((_point(start), _point(end), radius))
            for _ in range(2):
                bent = direction + rng.normal(0, 0.4, 3)
                grown.append((end, bent / np.linalg.norm(bent), length * rng.uniform(0.65, 0.9), radius * 0.66))
        tips = grown
    return out


def _point(array: NDArray[np.float64]) -> Point:
    x, y, z = (float(v) for v in array)
    return x, y, z
