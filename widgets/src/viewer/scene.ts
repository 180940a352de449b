// The drawing: niivue, fed with typed arrays. Nothing else in the viewer knows niivue.

import { DRAG_MODE, Niivue, NVImage, SLICE_TYPE } from "@niivue/niivue";

import type { Camera } from "./camera";
import { addColormaps } from "./colormaps";
import { normalAxis, spacing } from "./geometry";
import type { Pane, ViewName } from "./letters";
import type { Convention, Header, LayerInfo, Panes, Style, Vec3 } from "./protocol";
import { outlined } from "./outline";
import { gradeOverlays } from "./shader";
import { inPatient } from "./space";
import { type Position, tiles } from "./tiles";
import { type Entry, type VoxelArray, Voxels } from "./voxels";

/** A layer with its style and what has arrived of its voxels, from the bottom up. */
export interface Shown {
  info: LayerInfo;
  style: Style;
  entry: Entry | undefined;
}

export interface SceneEvents {
  /** The user moved the crosshair to a point in RAS mm. */
  moved(xyz: Vec3): void;
  /** The user clicked a slice (and did not drag). */
  clicked(xyz: Vec3): void;
  /** The user changed a window by dragging with the right button. */
  windowed(id: string, window: [number, number]): void;
  /** The views lie elsewhere than before: see `arrangement`. */
  arranged(): void;
  /** The browser took the graphics context away: nothing can be drawn until there is a new one. */
  lost(): void;
  /** It can be drawn again, on a new canvas. */
  returned(): void;
}

// NIfTI's codes for the types on the wire
const DATATYPES = { uint8: 2, int16: 4, float32: 16, uint16: 512 };
const RGB24 = 128;
/** In CSS pixels of the smallest view: thinner lines would be broken ones, as nothing is smoothed. */
const CROSSHAIR_PIXELS = 1.3;
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
  #panes: Panes = "all";
  #convention: Convention = "radiological";
  #cleanups: (() => void)[] = [];

  constructor(
    private canvas: HTMLCanvasElement,
    private events: SceneEvents,
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
      measureTextColor: [1, 0.85, 0.3, 1],
      measureLineColor: [1, 0.85, 0.3, 1],
      rulerColor: [1, 0.85, 0.3, 1],
    });
    this.setMeasuring(false);
    this.#niivue.onLocationChange = (location) => {
      if (!this.#quiet) {
        this.events.moved(Array.from((location as { mm: ArrayLike<number> }).mm).slice(0, 3) as Vec3);
      }
    };
    this.#niivue.onIntensityChange = (image) => {
      this.events.windowed(image.name, [image.cal_min ?? 0, image.cal_max ?? 1]);
    };
    addColormaps(this.#niivue);
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
    this.#watchClicks();
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
    if (order.join() !== this.#order.join()) {
      this.#order = order;
      this.#applyLayout();
    }
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

  setMeasuring(on: boolean): void {
    this.#niivue.setMouseEventConfig({
      leftButton: { primary: on ? DRAG_MODE.measurement : DRAG_MODE.crosshair, withShift: DRAG_MODE.measurement, withCtrl: DRAG_MODE.pan },
      rightButton: DRAG_MODE.windowing,
      centerButton: DRAG_MODE.pan,
    });
    if (!on && this.#niivue.volumes.length > 0) {
      this.#niivue.clearAllMeasurements();
    }
  }

  /** Where each view lies, and the layer whose space they show. */
  arrangement(): { panes: Pane[]; base: LayerInfo | null } {
    const nv = this.#niivue;
    const dpr = nv.uiData.dpr ?? 1;
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

  camera(): Camera {
    const { pan2Dxyzmm, volScaleMultiplier, renderAzimuth, renderElevation } = this.#niivue.scene;
    return { pan: [...pan2Dxyzmm], scale: volScaleMultiplier, azimuth: renderAzimuth, elevation: renderElevation };
  }

  setCamera({ pan, scale, azimuth, elevation }: Camera): void {
    this.#niivue.setPan2Dxyzmm(pan as [number, number, number, number]);
    this.#niivue.setScale(scale);
    this.#niivue.setRenderAzimuthElevation(azimuth, elevation);
  }

  /** What is on the canvas, as PNG. */
  async picture(): Promise<Blob> {
    this.#niivue.drawScene();
    return new Promise((resolve, reject) =>
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The canvas could not be read."))), "image/png"),
    );
  }

  dispose(): void {
    this.#cleanups.forEach((clean) => clean());
    this.#niivue.cleanup();
    // browsers allow about 16 contexts; a view that is gone must not hold one
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
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

  /** How thick the lines of the crosshair are in mm, so that they look alike however large the volume and the views. */
  #crosshairWidth(): number {
    const nv = this.#niivue;
    const { dimsRAS, pixDimsRAS } = nv.volumes[0] ?? {};
    if (!dimsRAS || !pixDimsRAS) {
      return 1;
    }
    const [x, y, z] = [1, 2, 3].map((axis) => dimsRAS[axis] * pixDimsRAS[axis]);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [w, h] = this.#panes === "all" ? tiles(width, height)[0].slice(2).map((part, n) => part * [width, height][n]) : [width, height];
    const sizes = { axial: [x, y], coronal: [x, z], sagittal: [y, z], "3d": [Math.hypot(x, y, z), Math.hypot(x, y, z)] };
    const seen = this.#panes === "all" ? [sizes.axial, sizes.coronal, sizes.sagittal] : [sizes[this.#panes]];
    const pixelsPerMm = Math.min(...seen.map(([across, up]) => Math.min(w / Math.max(across, 1e-3), h / Math.max(up, 1e-3))));
    return CROSSHAIR_PIXELS / Math.max(pixelsPerMm, 1e-6);
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

  #watchClicks(): void {
    let from: [number, number] | null = null;
    this.#listen("mousedown", (event) => {
      from = event.button === 0 && !event.shiftKey && !event.ctrlKey ? [event.clientX, event.clientY] : null;
    });
    this.#listen("mouseup", (event) => {
      const still = from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) < 4;
      from = null;
      const nv = this.#niivue;
      const dpr = nv.uiData.dpr ?? 1;
      if (still && nv.volumes.length > 0 && nv.inRenderTile(event.offsetX * dpr, event.offsetY * dpr) < 0) {
        this.events.clicked(this.crosshair());
      }
    });
  }

  #listen<K extends keyof HTMLElementEventMap>(type: K | "webglcontextlost" | "webglcontextrestored", listener: (event: HTMLElementEventMap[K]) => void): void {
    this.canvas.addEventListener(type, listener as EventListener);
    this.#cleanups.push(() => this.canvas.removeEventListener(type, listener as EventListener));
  }
}

/** Make an NVImage around voxels that are already in memory, without niivue's slow search for a window. */
function makeImage(info: LayerInfo, entry: Entry, level: number, outline: boolean): NVImage {
  const { shape, affine } = entry.info.levels[level];
  const header = entry.header as Header;
  const data = entry.stocks[level].data as VoxelArray;
  const image = new NVImage();
  const datatype = DATATYPES[header.dtype];
  const hdr = NVImage.createNiftiHeader(shape, spacing(affine), affine.flat(), datatype);
  if (info.samples === 3) {
    hdr.datatypeCode = RGB24;
    hdr.numBitsPerVoxel = 24;
  }
  if (info.kind === "labels") {
    hdr.intent_code = 1002;
  }
  image.name = info.id;
  image.hdr = hdr;
  const voxels = header.dtype === "float32" ? finite(data as Float32Array, header) : data;
  image.img = outline ? outlined(voxels, shape) : voxels;
  image.nVox3D = shape[0] * shape[1] * shape[2];
  image.nFrame4D = image.nTotalFrame4D = 1;
  image.frame4D = 0;
  image.calculateRAS();
  [image.global_min, image.global_max] = header.range;
  if (info.kind === "labels") {
    const rgb = header.labels.map(({ color }) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));
    image.setColormapLabel({
      R: rgb.map((c) => c[0]),
      G: rgb.map((c) => c[1]),
      B: rgb.map((c) => c[2]),
      A: rgb.map((_, index) => (index === 0 ? 0 : 255)),
      I: rgb.map((_, index) => index),
      labels: header.labels.map(({ name }) => name),
    });
  }
  return image;
}

function dress(image: NVImage, { info, style }: Shown, header: Header, lowest: boolean): void {
  const [low, high] = style.window ?? header.window;
  image.cal_min = image.robust_min = low;
  image.cal_max = image.robust_max = high;
  image._opacity = style.visible ? style.opacity : 0;
  if (info.kind !== "labels") {
    const cover = info.kind === "scores" ? (low < 0 ? "signed" : "scores") : lowest ? "image" : "cover";
    image._colormap = `${cover}-${style.colormap}`;
  }
}

/** A GPU texture must not hold what is not a number; such voxels are drawn as the lowest value, and told as they are. */
function finite(data: Float32Array, header: Header): Float32Array {
  if (data.every(Number.isFinite)) {
    return data;
  }
  return data.map((value) => (Number.isFinite(value) ? value : header.range[0]));
}
