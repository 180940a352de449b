// Colour maps for niivue, each in as many ways as there are to let what lies below shine through.
import type { Niivue } from "@niivue/niivue";

import colors from "../../../workbench/widgets/colors.json";

/** Make the maps known: for the lowest image, an image above another, scores from zero, scores of two signs. */
export function addColormaps(niivue: Niivue): void {
  for (const [name, stops] of Object.entries(colors.maps)) {
    niivue.addColormap(`image-${name}`, ramp(stops, (t) => t / 2));
    niivue.addColormap(`cover-${name}`, ramp(stops, (t) => (t > 0 ? 1 : 0)));
    niivue.addColormap(`scores-${name}`, ramp(stops, (t) => Math.min(1, t * 4)));
    niivue.addColormap(`signed-${name}`, ramp(stops, (t) => Math.min(1, Math.abs(t * 2 - 1) * 4)));
  }
}

function ramp(stops: number[][], alpha: (t: number) => number) {
  const n = 65;
  const at = Array.from({ length: n }, (_, index) => index / (n - 1));
  const channel = (c: number) =>
    at.map((t) => {
      const x = t * (stops.length - 1);
      const i = Math.min(stops.length - 2, Math.floor(x));
      return Math.round(stops[i][c] + (x - i) * (stops[i + 1][c] - stops[i][c]));
    });
  return {
    R: channel(0),
    G: channel(1),
    B: channel(2),
    A: at.map((t) => Math.round(alpha(t) * 255)),
    I: at.map((t) => Math.round(t * 255)),
  };
}
