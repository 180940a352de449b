// The drawing: niivue, fed with typed arrays. Nothing else in the viewer knows niivue.

import { DRAG_MODE, Niivue, type NVImage, SLICE_TYPE } from "@niivue/niivue";

import type { Camera } from "./camera";
import { addColormaps } from "./colormaps";
import { crosshairWidth } from "./crosshair";
import { normalAxis, stepAlong } from "./geometry";
import { dress, makeImage, type Shown } from "./image";
import type { Pane, ViewName } from "./letters";
import { type Line, type Lines, paintLines } from "./lines";
import type { Convention, Header, LayerInfo, Panes, Vec3 } from "./protocol";
import type { Sections } from "./sections";
import { gradeOverlays } from "./shader";
import { Sharp } from "./sharp";
import { isSlice, onSlice, placeOn, type Slice, sliceUnder } from "./slices";
import { Solid } from "./solid";
import { inPatient } from "./space";
import { type Position, tiles } from "./tiles";
import { type Entry, Voxels } from "./voxels";

export interface SceneEvents {
  /** The user moved the crosshair to a point in RAS mm. */
  moved(xyz: Vec3): void;
  /** The views lie elsewhere than before: see `arrangement`. */
  arranged(): void;
  /** Something was drawn: slices lie where `place` and `lines` say from now on. */
  drawn(): void;
  /** The browser took the graphics context away: nothing can be drawn until there is a new one. */
  lost(): void;
  /** It can be drawn again, on a new canvas. */
  returned(): void;
}

const [SMALLEST, LARGEST] = [0.2, 50];
const NAMES: Record<number, ViewName> = {
  [SLICE_TYPE.AXIAL]: "axial",
  [SLICE_TYPE.CORONAL]: "coronal",
  [SLICE_TYPE.SAGITTAL]: "sagittal",
  [SLICE_TYPE.RENDER]: "3D",
};
const VIEWS = { axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL, "3d": SLICE_TYPE.RENDER };
const ALL = [SLICE_TYPE.AXIAL, SLICE_TYPE.CORONAL, SLICE_TYPE.SAGITTAL, SLICE_TYPE.RENDER];

type Tile = { sliceType: SLICE_TYPE; position: Position };

export class Scene {
  #niivue: Niivue;
  #images = new Map<string, { image: NVImage; key: string }>();
  #base: LayerInfo | null = null;
  #order: string[] = [];
  #quiet = false;
  #frame = 0;
  #panes: Panes = "all";
  #convention: Convention = "radiological";
  #cleanups: (() => void)[] = [];
  #sharp: Sharp;
  #solid: Solid;

  /** `sections` has single planes at full resolution. */
  constructor(
    private canvas: HTMLCanvasElement,
    private events: SceneEvents,
    sections: Sections,
  ) {
    this.#niivue = new Niivue({
      logLevel: "error",
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.3, 0.65, 1, 0.9],
      crosshairWidthUnit: "mm",
      fontColor: [0.9, 0.9, 0.9, 1],
      fontSizeScaling: 0.3,
      fontMinPx: 12,
      dragAndDropEnabled: false,
      isSliceMM: true,
      isNearestInterpolation: false,
      isRadiologicalConvention: true,
      isOrientationTextVisible: false,
      isOrientCube: true,
      show3Dcrosshair: true,
      scrollRequiresFocus: true,
      loadingText: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      viewModeHotKey: "",
    });
    this.leave("crosshair");
    this.#niivue.onLocationChange = (location) => {
      if (!this.#quiet) {
        this.events.moved(Array.from((location as { mm: ArrayLike<number> }).mm).slice(0, 3) as Vec3);
      }
    };
    const draw = this.#niivue.drawScene.bind(this.#niivue);
    // niivue tells of no zoom and no pan; all of them end here
    this.#niivue.drawScene = () => {
      this.#sharpen();
      const told = draw();
      this.events.drawn();
      return told;
    };
    addColormaps(this.#niivue);
    this.#sharp = new Sharp(this.#niivue, sections);
    this.#solid = new Solid(this.#niivue);
    this.#cleanups.push(sections.listen(() => this.#redraw()));
  }

  /** Start drawing. Rejects with the cause where the browser cannot. */
  async start(): Promise<void> {
    gradeOverlays(this.canvas);
    this.#listen("webglcontextlost", (event) => {
      // without this the browser would not give it back
      event.preventDefault();
      this.events.lost();
    });
    this.#listen("webglcontextrestored", () => this.events.returned());
    await this.#niivue.attachToCanvas(this.canvas, false);
    const observer = new ResizeObserver(() => {
      // niivue watches too, and may be told after us: the views would then lie elsewhere than their letters
      this.#niivue.resizeListener();
      this.#applyLayout();
    });
    observer.observe(this.canvas);
    this.#cleanups.push(() => observer.disconnect());
  }

  setLayers(shown: Shown[]): void {
    const ready = shown.filter((layer) => layer.entry && Voxels.sharpest(layer.entry) >= 0);
    // niivue draws everything on the grid of its lowest volume: that should be an image where there is one
    ready.sort((a, b) => Number(b.info.kind === "image") - Number(a.info.kind === "image"));
    const images = ready.map((layer) => this.#image(layer, layer === ready[0]));
    for (const id of this.#images.keys()) {
      if (!ready.some((layer) => layer.info.id === id)) {
        this.#images.delete(id);
      }
    }
    const crosshair = this.#niivue.volumes.length > 0 ? this.crosshair() : null;
    const order = ready.map((layer) => layer.info.id);
    this.#base = (ready.find((layer) => layer.info.kind === "image") ?? ready[0])?.info ?? null;
    this.#niivue.volumes = images;
    this.#niivue.back = images[0] ?? null;
    this.#niivue.overlays = images.slice(1);
    this.#sharp.setLayers(ready);
    if (order.join() !== this.#order.join()) {
      this.#order = order;
      this.#applyLayout();
    }
    // not before: what was drawn until now was drawn from the textures that were
    this.#solid.changed();
    this.#niivue.updateGLVolume();
    if (crosshair) {
      this.setCrosshair(crosshair);
    }
    this.events.arranged();
  }

  setCrosshair(xyz: Vec3): void {
    if (this.#niivue.volumes.length === 0) {
      return;
    }
    this.#quiet = true;
    this.#niivue.scene.crosshairPos = this.#niivue.mm2frac(xyz, 0, true);
    this.#niivue.drawScene();
    this.#quiet = false;
  }

  crosshair(): Vec3 {
    return Array.from(this.#niivue.frac2mm(this.#niivue.scene.crosshairPos, 0, true)).slice(0, 3) as Vec3;
  }

  setPanes(panes: Panes): void {
    this.#panes = panes;
    this.#applyLayout();
  }

  setConvention(convention: Convention): void {
    this.#convention = convention;
    this.#applyLayout();
  }

  /** Leave the left button, or a finger, to niivue: it moves the crosshair (and turns the 3D view), or does nothing. */
  leave(what: "crosshair" | "nothing"): void {
    const primary = what === "crosshair" ? DRAG_MODE.crosshair : DRAG_MODE.none;
    this.#niivue.setMouseEventConfig({
      leftButton: { primary, withShift: DRAG_MODE.none, withCtrl: DRAG_MODE.pan },
      rightButton: DRAG_MODE.none,
      centerButton: DRAG_MODE.pan,
    });
    this.#niivue.setTouchEventConfig({ singleTouch: primary, doubleTouch: DRAG_MODE.pan });
  }

  /** The slice under a point of the canvas, in CSS pixels; none over the 3D view. */
  sliceAt(x: number, y: number): Slice | null {
    return this.#niivue.volumes.length > 0 ? sliceUnder(this.#slices, x * this.#dpr, y * this.#dpr) : null;
  }

  /** Where a point of the canvas lies on a slice, in RAS mm. */
  place(slice: Slice, x: number, y: number): Vec3 {
    return placeOn(slice, x * this.#dpr, y * this.#dpr);
  }

  /** Whether the lowest layer has a voxel at a place in RAS mm. */
  holds(xyz: Vec3): boolean {
    return Array.from(this.#niivue.mm2frac(xyz, 0, true)).every((part) => part >= 0 && part <= 1);
  }

  /** Where lines between places lie on the slices that both of their ends are in. */
  lines(lines: Line[]): Lines[] {
    const base = this.#base;
    if (!base || this.#niivue.volumes.length === 0) {
      return [];
    }
    return this.#slices.filter(isSlice).map((slice) => {
      // slice types count from the axis through the plane: axial z, coronal y, sagittal x
      const room = base.picture ? Number.POSITIVE_INFINITY : stepAlong(base.affine, (2 - slice.axCorSag) as 0 | 1 | 2) / 2;
      const [left, top, width, height] = slice.leftTopWidthHeight.map((value) => value / this.#dpr);
      const drawn = lines.flatMap((line) => {
        const [start, stop] = [line.start, line.stop].map((xyz) => onSlice(slice, xyz));
        if (Math.max(Math.abs(start.depth), Math.abs(stop.depth)) > room) {
          return [];
        }
        return [{ ...line, from: [start.x / this.#dpr - left, start.y / this.#dpr - top], to: [stop.x / this.#dpr - left, stop.y / this.#dpr - top] }];
      });
      return { pane: { left, top, width, height }, drawn } as Lines;
    });
  }

  /** Where each view lies, and the layer whose space they show. */
  arrangement(): { panes: Pane[]; base: LayerInfo | null } {
    const nv = this.#niivue;
    const dpr = this.#dpr;
    const [canvasWidth, canvasHeight] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const panes = nv.screenSlices.map(({ axCorSag, leftTopWidthHeight }) => {
      const [left, top, width, height] = leftTopWidthHeight.map((value) => value / dpr);
      // one view alone is told as 0 by 0: it fills the canvas
      return { view: NAMES[axCorSag], left, top, width: width || canvasWidth, height: height || canvasHeight };
    });
    if (panes.length === 0 && this.#panes === "3d" && nv.volumes.length > 0) {
      panes.push({ view: "3D", left: 0, top: 0, width: canvasWidth, height: canvasHeight });
    }
    return { panes: nv.volumes.length > 0 ? panes : [], base: this.#base };
  }

  /** Undo panning, zooming and turning. */
  reset(): void {
    this.#niivue.setPan2Dxyzmm([0, 0, 0, 1]);
    this.#niivue.setScale(1);
    this.#niivue.setRenderAzimuthElevation(110, 10);
  }

  /** Zoom so that what is at a point of the canvas stays there; in 3D about the middle. */
  zoom(factor: number, x: number, y: number): void {
    const slice = this.sliceAt(x, y);
    const { pan2Dxyzmm: pan, volScaleMultiplier } = this.#niivue.scene;
    const limited = (value: number) => Math.min(LARGEST, Math.max(SMALLEST, value));
    if (slice) {
      const zoom = limited(pan[3] * factor);
      const moved = this.place(slice, x, y).map((mm, axis) => pan[axis] + mm * (pan[3] - zoom));
      this.#niivue.setPan2Dxyzmm([...moved, zoom] as [number, number, number, number]);
    } else {
      this.#niivue.setScale(limited(volScaleMultiplier * factor));
    }
  }

  /** The view at a point of the canvas. */
  viewAt(x: number, y: number): Panes | null {
    const { panes } = this.arrangement();
    const found = panes.find(({ left, top, width, height }) => x >= left && y >= top && x < left + width && y < top + height);
    return found ? (found.view.toLowerCase() as Panes) : null;
  }

  camera(): Camera {
    const { pan2Dxyzmm, volScaleMultiplier, renderAzimuth, renderElevation } = this.#niivue.scene;
    return { pan: [...pan2Dxyzmm], scale: volScaleMultiplier, azimuth: renderAzimuth, elevation: renderElevation };
  }

  setCamera({ pan, scale, azimuth, elevation }: Camera): void {
    this.#niivue.setPan2Dxyzmm(pan as [number, number, number, number]);
    this.#niivue.setScale(scale);
    this.#niivue.setRenderAzimuthElevation(azimuth, elevation);
  }

  /** What is on the canvas with lines over it, as PNG. */
  async picture(lines: Line[]): Promise<Blob> {
    const { width, height } = this.canvas;
    const copy = Object.assign(document.createElement("canvas"), { width, height });
    const context = copy.getContext("2d");
    // what was drawn is on the canvas until the browser shows it
    this.#niivue.drawScene();
    if (context) {
      context.drawImage(this.canvas, 0, 0);
      paintLines(context, this.lines(lines), this.#dpr);
    }
    return new Promise((resolve, reject) =>
      copy.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The canvas could not be read."))), "image/png"),
    );
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#cleanups.forEach((clean) => clean());
    this.#niivue.cleanup();
    // browsers allow about 16 contexts; a view that is gone must not hold one
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** Draw again with the next picture of the browser, however many planes come until then. */
  #redraw(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#niivue.drawScene();
    });
  }

  #sharpen(): void {
    if (this.#niivue.volumes.length > 0) {
      this.#sharp.update(this.crosshair(), this.#seen);
    }
  }

  /** The axes through the slices that are seen, as niivue counts them. */
  get #seen(): number[] {
    if (this.#picture) {
      return [normalAxis(this.#picture.affine)];
    }
    return { all: [0, 1, 2], axial: [2], coronal: [1], sagittal: [0], "3d": [] }[this.#panes];
  }

  #applyLayout(): void {
    const nv = this.#niivue;
    // without a patient there is no convention, and no letters on the cube
    nv.opts.isRadiologicalConvention = !inPatient(this.#base) || this.#convention === "radiological";
    nv.opts.isOrientCube = inPatient(this.#base);
    if (this.#picture) {
      this.#tiles(null);
      // slice types count from the axis through the plane: sagittal x, coronal y, axial z
      nv.opts.sliceType = [SLICE_TYPE.SAGITTAL, SLICE_TYPE.CORONAL, SLICE_TYPE.AXIAL][normalAxis(this.#picture.affine)];
    } else if (this.#panes === "all") {
      nv.opts.sliceType = SLICE_TYPE.MULTIPLANAR;
      const positions = tiles(this.canvas.clientWidth, this.canvas.clientHeight);
      this.#tiles(ALL.map((sliceType, n) => ({ sliceType, position: positions[n] })));
    } else {
      this.#tiles(null);
      nv.opts.sliceType = VIEWS[this.#panes];
    }
    nv.opts.crosshairWidth = this.#picture ? 0 : this.#crosshairWidth();
    const drawn = nv.crosshairs3D;
    if (drawn?.mm) {
      // niivue keeps the lines it made until the crosshair moves
      drawn.mm[0] = Number.NaN;
    }
    nv.drawScene();
    this.events.arranged();
  }

  #crosshairWidth(): number {
    const { dimsRAS, pixDimsRAS } = this.#niivue.volumes[0] ?? {};
    if (!dimsRAS || !pixDimsRAS) {
      return 1;
    }
    const extent = [1, 2, 3].map((axis) => dimsRAS[axis] * pixDimsRAS[axis]) as Vec3;
    return crosshairWidth(extent, this.#panes, this.canvas.clientWidth, this.canvas.clientHeight);
  }

  get #slices(): Slice[] {
    return this.#niivue.screenSlices as unknown as Slice[];
  }

  /** Pixels of the canvas for each CSS pixel. */
  get #dpr(): number {
    return this.#niivue.uiData.dpr ?? 1;
  }

  get #picture(): LayerInfo | null {
    return this.#base?.picture ? this.#base : null;
  }

  /** Set niivue's tiles without the drawing that its own setter does. */
  #tiles(layout: Tile[] | null): void {
    (this.#niivue as unknown as { customLayout: Tile[] | null }).customLayout = layout;
  }

  #image(layer: Shown, lowest: boolean): NVImage {
    const entry = layer.entry as Entry;
    const level = Voxels.sharpest(entry);
    const outline = layer.info.kind === "labels" && layer.style.outline;
    const key = `${layer.info.version}/${level}/${outline}`;
    let held = this.#images.get(layer.info.id);
    if (held?.key !== key) {
      held = { key, image: makeImage(layer.info, entry, level, outline) };
      this.#images.set(layer.info.id, held);
    }
    dress(held.image, layer, entry.header as Header, lowest);
    return held.image;
  }

  #listen<K extends keyof HTMLElementEventMap>(type: K | "webglcontextlost" | "webglcontextrestored", listener: (event: HTMLElementEventMap[K]) => void): void {
    this.canvas.addEventListener(type, listener as EventListener);
    this.#cleanups.push(() => this.canvas.removeEventListener(type, listener as EventListener));
  }
}
