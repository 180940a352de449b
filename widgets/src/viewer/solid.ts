// The volume in the 3D view, kept as a picture with its depths for as long as it looks the same.
//
// Rays through a volume take most of a drawing's time where there is no graphics card, and while slices are scrolled
// only the lines of the crosshair move in 3D: those are drawn anew, behind and in front of what is kept.

import type { Niivue } from "@niivue/niivue";

const VERTICES = `#version 300 es
void main() {
  // one triangle that covers the view
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
const PIXELS = `#version 300 es
precision highp float;
uniform highp sampler2D color, depth;
uniform vec2 corner;
out vec4 shown;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy - corner);
  shown = texelFetch(color, at, 0);
  gl_FragDepth = texelFetch(depth, at, 0).r;
}`;

interface Kept {
  width: number;
  height: number;
  color: WebGLTexture;
  depth: WebGLTexture;
  frame: WebGLFramebuffer;
}

export class Solid {
  #kept: Kept | null = null;
  #program: WebGLProgram | null = null;
  #key = "";
  #layers = 0;

  constructor(private niivue: Niivue) {
    const draw = niivue.drawImage3D.bind(niivue);
    niivue.drawImage3D = (matrix, azimuth, elevation) => {
      // a click asks what lies where, by colours that are never seen
      if (niivue.uiData.mouseDepthPicker) {
        draw(matrix, azimuth, elevation);
        return;
      }
      const [left, top, width, height] = niivue.screenSlices[niivue.screenSlices.length - 1].leftTopWidthHeight.map(Math.round);
      const corner: [number, number] = [left, niivue.gl.canvas.height - top - height];
      const key = [width, height, this.#layers, ...matrix].join();
      if (key !== this.#key || !this.#kept) {
        this.#keep(width, height, () => draw(matrix, azimuth, elevation));
        this.#key = key;
      }
      this.#show(corner, width, height);
    };
  }

  /** What is drawn, or how, is another than before. */
  changed(): void {
    this.#layers++;
  }

  #keep(width: number, height: number, draw: () => void): void {
    const gl = this.niivue.gl;
    if (this.#kept?.width !== width || this.#kept.height !== height) {
      this.#forget();
      this.#kept = room(gl, width, height);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, (this.#kept as Kept).frame);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...(this.niivue.opts.backColor.slice(0, 4) as [number, number, number, number]));
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    draw();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  #show(corner: [number, number], width: number, height: number): void {
    const gl = this.niivue.gl;
    const kept = this.#kept as Kept;
    const program = (this.#program ??= link(gl));
    gl.viewport(...corner, width, height);
    gl.useProgram(program);
    gl.uniform2fv(gl.getUniformLocation(program, "corner"), corner);
    // units that niivue does not use
    for (const [unit, name, texture] of [
      [14, "color", kept.color],
      [15, "depth", kept.depth],
    ] as const) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
    }
    gl.disable(gl.BLEND);
    gl.disable(gl.CULL_FACE);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.ALWAYS);
    gl.depthMask(true);
    gl.bindVertexArray(this.niivue.unusedVAO);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.enable(gl.BLEND);
  }

  #forget(): void {
    const gl = this.niivue.gl;
    if (this.#kept) {
      gl.deleteFramebuffer(this.#kept.frame);
      gl.deleteTexture(this.#kept.color);
      gl.deleteTexture(this.#kept.depth);
      this.#kept = null;
    }
  }
}

function room(gl: WebGL2RenderingContext, width: number, height: number): Kept {
  const texture = (format: number) => {
    const made = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE15);
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return made;
  };
  const [color, depth] = [texture(gl.RGBA8), texture(gl.DEPTH_COMPONENT24)];
  const frame = gl.createFramebuffer() as WebGLFramebuffer;
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, color, 0);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, depth, 0);
  return { width, height, color, depth, frame };
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram() as WebGLProgram;
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTICES],
    [gl.FRAGMENT_SHADER, PIXELS],
  ] as const) {
    const shader = gl.createShader(kind) as WebGLShader;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The browser cannot compile a program that draws the 3D view: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
