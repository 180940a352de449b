// What is changed in niivue's shaders before they are compiled.

const CHANGES: [RegExp, string][] = [
  // it rounds the transparency of overlays to all or nothing; a map of scores must let the anatomy through where it
  // says little
  [/if \(layer > 0\.7\)\s*FragColor\.a = step\(0\.00001, FragColor\.a\);/, ""],
  // slices look into two more volumes, of drawings and of tissue probabilities, that are empty here: without a graphics
  // card that is half of the time that they take
  [/float drawV = texture\(drawing, texPos\)\.r;/, "float drawV = 0.0;"],
  [/vec4 pcolor = texture\(paqd, texPos\);/, "vec4 pcolor = vec4(0.0);"],
];

export function graded(source: string): string {
  return CHANGES.reduce((text, [found, put]) => text.replace(found, put), source);
}

/** What of niivue's text is no longer there to be changed. */
export function unchanged(source: string): string[] {
  return CHANGES.filter(([found]) => !found.test(source)).map(([found]) => String(found));
}

/** Make `canvas` compile graded shaders. Throws where the browser cannot draw at all. */
export function gradeOverlays(canvas: HTMLCanvasElement): void {
  // the same attributes as niivue asks for: a canvas has one context, and the first call decides
  const gl = canvas.getContext("webgl2", { alpha: true, antialias: false });
  if (!gl) {
    throw new Error("This browser has no WebGL 2, which the viewer draws with.");
  }
  const compile = gl.shaderSource.bind(gl);
  gl.shaderSource = (shader, source) => compile(shader, graded(source));
}
