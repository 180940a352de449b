// The lines of the crosshair: as thick on the screen, however large the volume and the views are.

import type { Panes, Vec3 } from "./protocol";
import { tiles } from "./tiles";

/** In CSS pixels of the smallest view: thinner lines would be broken ones, as nothing is smoothed. */
const PIXELS = 1.3;

/** How thick they are in mm, of a volume of so many mm along x, y and z, on a canvas of so many CSS pixels. */
export function crosshairWidth([x, y, z]: Vec3, panes: Panes, width: number, height: number): number {
  const [w, h] = panes === "all" ? tiles(width, height)[0].slice(2).map((part, n) => part * [width, height][n]) : [width, height];
  const solid = Math.hypot(x, y, z);
  const sizes = { axial: [x, y], coronal: [x, z], sagittal: [y, z], "3d": [solid, solid] };
  const seen = panes === "all" ? [sizes.axial, sizes.coronal, sizes.sagittal] : [sizes[panes]];
  const pixelsPerMm = Math.min(...seen.map(([across, up]) => Math.min(w / Math.max(across, 1e-3), h / Math.max(up, 1e-3))));
  return PIXELS / Math.max(pixelsPerMm, 1e-6);
}
