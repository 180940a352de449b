// niivue rounds the transparency of overlays to all or nothing; a map of scores must let the anatomy through where it
// says little. The one line that does so is taken out of the shaders before they are compiled.

const ALL_OR_NOTHING = /if \(layer > 0\.7\)\s*FragColor\.a = step\(0\.00001, FragColor\.a\);/;

export function graded(source: string): string {
  return source.replace(ALL_OR_NOTHING, "");
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
