// Where the four views lie on the canvas.

export type Position = [left: number, top: number, width: number, height: number];

/** Between two views, in CSS pixels. */
const GAP = 4;

/** A row of four leaves more of the canvas black; it must show the pictures this much larger. */
const WORTH = 1.2;

/** Four tiles as fractions of the canvas: in two rows, or in one where the canvas is so wide that they grow that way. */
export function tiles(width: number, height: number): Position[] {
  const columns = Math.min(width / 4, height) > (WORTH * Math.min(width, height)) / 2 ? 4 : 2;
  const [w, h] = [1 / columns, columns / 4];
  const [gapX, gapY] = [GAP / Math.max(width, 1), GAP / Math.max(height, 1)];
  return [0, 1, 2, 3].map((n) => [
    (n % columns) * w + gapX / 2,
    Math.floor(n / columns) * h + gapY / 2,
    w - gapX,
    h - gapY,
  ]);
}
