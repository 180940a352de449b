// One view of a viewer: toolbar, pictures, readout and layer list, kept in step with the state.

import { h } from "../ui/dom";
import type { Camera } from "./camera";
import { Gestures, type Window } from "./gestures";
import { openHelp } from "./help";
import { LayerList } from "./layer_list";
import { letterElements } from "./letters";
import { Measures } from "./measures";
import type { Convention, LayerInfo, Panes, Style, Tool, Vec3 } from "./protocol";
import { readout } from "./readout";
import type { Scene } from "./scene";
import type { Source } from "./source";
import { modified, stepped } from "./steps";
import { StillPicture } from "./still";
import { Timeline } from "./timeline";
import { Toolbar } from "./toolbar";
import { TOOLS, toolOfKey } from "./tools";
import { Voxels } from "./voxels";

/** Dragging moves the crosshair up to 60 times a second; Python hears of it this often. */
const TELL_PYTHON_MS = 60;
const SMALL = "A small picture, until the kernel has time to send the volume.";
const LOST = "The browser took the graphics away (the GPU was reset, or too many 3D views are open). The picture comes back by itself; if it does not, close other 3D views and press the button.";

/** Build a view inside `root`; returns how to take it down. */
export function mountViewer(root: HTMLElement, source: Source, voxels: Voxels): () => void {
  return new ViewerPanel(root, source, voxels).start();
}

class ViewerPanel {
  #canvas = this.#newCanvas();
  #letters = h("div", { class: "mwb-v-letters" });
  #still = new StillPicture();
  #stage = h("div", { class: "mwb-v-stage" }, this.#canvas, this.#letters, this.#still.element);
  #message = h("div", { class: "mwb-v-message", role: "status" });
  #readout = h("output", { class: "mwb-v-readout", "aria-live": "off" });
  #scene: Scene | null = null;
  #gestures: Gestures | null = null;
  #measures: Measures;
  #toolbar: Toolbar;
  #list: LayerList;
  #timeline: Timeline;
  #cleanups: (() => void)[] = [];
  #failure = "";
  #drawn = false;
  #lost = false;
  #stopped = false;
  #frame = 0;
  #tellAt: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private root: HTMLElement,
    private source: Source,
    private voxels: Voxels,
  ) {
    this.#timeline = new Timeline(source);
    this.#measures = new Measures(source, () => (this.#lost ? null : this.#scene));
    const actions = {
      panes: (value: Panes) => this.source.set("panes", value),
      convention: (value: Convention) => this.source.set("convention", value),
      tool: (value: Tool) => this.source.set("tool", value),
      reset: () => this.#scene?.reset(),
      screenshot: () => void this.#save(),
      help: () => openHelp(this.#canvas, this.source.get("_tools")),
    };
    this.#toolbar = new Toolbar(actions, this.source.get("_tools"));
    this.#list = new LayerList({
      restyle: (id, change) => this.#restyle(id, change),
      sharpen: (id) => this.voxels.sharpen(id),
      remove: (id) => this.source.send({ type: "remove", layer: id }),
    });
  }

  start(): () => void {
    const { root, source } = this;
    root.classList.add("mwb-viewer");
    this.#stage.append(this.#measures.lines, this.#message);
    root.replaceChildren(this.#toolbar.element, this.#stage, this.#timeline.element, this.#readout, this.#list.element, this.#measures.said);
    const pressed = (event: KeyboardEvent) => this.#shortcut(event);
    root.addEventListener("keydown", pressed, { capture: true });
    this.#cleanups.push(
      () => root.removeEventListener("keydown", pressed, { capture: true }),
      source.watch("tool", () => this.#applyTool()),
      source.watch("measurements", () => this.#measures.draw()),
      ...(["panes", "convention", "height"] as const).map((key) => source.watch(key, () => this.#applyView())),
      source.watch("empty_text", () => this.#refreshText()),
      source.watch("crosshair", () => this.#applyCrosshair()),
      ...(["_layers", "_styles", "_removable"] as const).map((key) => source.watch(key, () => this.#changed())),
      source.watch("_first", () => this.#refreshText()),
      this.voxels.listen(() => this.#changed()),
      this.voxels.sections.listen(() => this.#refreshReadout()),
    );
    this.#stage.style.height = `${source.get("height")}px`;
    const observer = new ResizeObserver(() => this.#refreshStill());
    observer.observe(this.#stage);
    this.#cleanups.push(() => observer.disconnect(), () => this.#still.hide(), () => this.#timeline.dispose());
    this.#applyTool();
    this.#startScene().catch((error: unknown) => this.#fail(words(error)));
    return () => this.#stop();
  }

  #newCanvas(): HTMLCanvasElement {
    const canvas = h("canvas", { tabindex: "0", role: "application", "aria-label": "Slices and 3D view. Arrow keys, Page Up and Page Down move the crosshair." });
    canvas.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    // the right button drags a window here; neither the browser's menu nor JupyterLab's may open
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
    return canvas;
  }

  /** Draw with a new graphics context: a lost one takes all textures and shaders with it. */
  #startAgain(): void {
    if (this.#stopped || !this.#lost) {
      return;
    }
    const camera = this.#scene?.camera();
    this.#gestures?.dispose();
    this.#scene?.dispose();
    this.#scene = null;
    this.#lost = false;
    this.#failure = "";
    const old = this.#canvas;
    this.#canvas = this.#newCanvas();
    old.replaceWith(this.#canvas);
    this.#startScene(camera).catch((error: unknown) => this.#fail(words(error)));
  }

  async #startScene(camera?: Camera): Promise<void> {
    // niivue is most of the bundle: evaluated here and not with the module, and after what else waits to be set up
    await new Promise((resolve) => setTimeout(resolve));
    const { Scene } = await import("./scene");
    if (this.#stopped) {
      return;
    }
    const canvas = this.#canvas;
    const events = {
      moved: (xyz: Vec3) => this.#moved(xyz),
      arranged: () => this.#refreshLetters(),
      drawn: () => this.#measures.draw(),
      lost: () => {
        this.#lost = true;
        this.#refreshMessage(this.#layers);
      },
      returned: () => this.#startAgain(),
    };
    const scene = new Scene(canvas, events, this.voxels.sections);
    await scene.start();
    if (this.#stopped || canvas !== this.#canvas) {
      scene.dispose();
      return;
    }
    this.#scene = scene;
    this.#gestures = this.#listenOn(scene, canvas);
    if (camera) {
      scene.setCamera(camera);
    }
    this.#applyView();
    this.#changed();
  }

  #stop(): void {
    this.#stopped = true;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#tellAt);
    this.#cleanups.forEach((clean) => clean());
    this.#gestures?.dispose();
    this.#scene?.dispose();
  }

  get #layers(): LayerInfo[] {
    return this.source.get("_layers") ?? [];
  }

  get #styles(): Record<string, Style> {
    return this.source.get("_styles") ?? {};
  }

  #changed(): void {
    this.#refreshText();
    if (!this.#scene || this.#lost || this.#frame !== 0) {
      return;
    }
    // several changes at once are one drawing
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    if (this.#lost) {
      return;
    }
    const styles = this.#styles;
    const shown = this.#layers
      .filter((info) => styles[info.id])
      .map((info) => ({ info, style: styles[info.id], entry: this.voxels.get(info.id) }));
    try {
      this.#scene?.setLayers(shown);
      if (!this.#drawn && shown.some(({ entry }) => entry && Voxels.sharpest(entry) >= 0)) {
        this.#drawn = true;
        this.#refreshText();
      }
      this.#applyCrosshair();
    } catch (error) {
      this.#fail(words(error));
    }
  }

  #applyView(): void {
    this.#stage.style.height = `${this.source.get("height")}px`;
    this.#scene?.setPanes(this.source.get("panes"));
    this.#scene?.setConvention(this.source.get("convention"));
    this.#refreshText();
  }

  #listenOn(scene: Scene, canvas: HTMLCanvasElement): Gestures {
    return new Gestures(canvas, {
      tool: () => this.source.get("tool"),
      leave: (what) => scene.leave(what),
      sliceAt: (x, y) => scene.sliceAt(x, y),
      place: (slice, x, y) => scene.place(slice, x, y),
      // beside the picture the crosshair stays where it is: nothing was clicked
      clicked: (slice, x, y) => scene.holds(scene.place(slice, x, y)) && this.#click(scene.crosshair()),
      window: () => this.#windowed()?.window ?? null,
      windowed: (window) => {
        const id = this.#windowed()?.id;
        if (id) this.#restyle(id, { window });
      },
      zoom: (factor, x, y) => scene.zoom(factor, x, y),
      enlarge: (x, y) => {
        const view = this.source.get("panes") === "all" ? scene.viewAt(x, y) : "all";
        if (view && !this.#layers[0]?.picture) this.source.set("panes", view);
      },
      drawing: (line) => this.#measures.drawing(line),
      measured: (line) => this.#measures.add(line),
    });
  }

  #applyTool(): void {
    this.#gestures?.cancel();
    this.#stage.dataset.tool = this.source.get("tool");
    this.#refreshText();
  }

  #click(xyz: Vec3): void {
    this.source.send({ type: "click", xyz });
  }

  /** The lowest layer that has a window, and what it is. */
  #windowed(): { id: string; window: Window } | null {
    const info = this.#layers.find(({ kind, samples }) => kind !== "labels" && samples === 1);
    const window = info && (this.#styles[info.id]?.window ?? this.voxels.get(info.id)?.header?.window);
    return window ? { id: info.id, window } : null;
  }

  #applyCrosshair(): void {
    const xyz = this.source.get("crosshair");
    if (this.#scene?.crosshair().some((value, axis) => Math.abs(value - xyz[axis]) > 1e-3)) {
      this.#scene.setCrosshair(xyz);
    }
    this.#refreshReadout();
  }

  #moved(xyz: Vec3): void {
    // the line that is being drawn is on a slice that is no longer shown
    this.#gestures?.cancel();
    clearTimeout(this.#tellAt);
    this.#tellAt = setTimeout(() => this.source.set("crosshair", xyz), TELL_PYTHON_MS);
    this.#refreshReadout(xyz);
  }

  #restyle(id: string, change: Partial<Style>): void {
    const styles = this.#styles;
    this.source.set("_styles", { ...styles, [id]: { ...styles[id], ...change } });
  }

  #refreshText(): void {
    const layers = this.#layers;
    this.#toolbar.update(this.source.get("panes"), this.source.get("convention"), this.source.get("tool"), layers[0] ?? null);
    this.#list.update(layers, this.#styles, this.source.get("_removable"), (id) => this.voxels.get(id));
    this.#refreshReadout();
    this.#refreshStill();
    this.#refreshMessage(layers);
  }

  /** Whether nothing was drawn from voxels yet, and there is a picture to look at until then. */
  get #waits(): boolean {
    return !this.#drawn && this.#layers.length > 0 && (this.source.get("_first") ?? []).length > 0;
  }

  #refreshStill(): void {
    const { source } = this;
    if (this.#waits) {
      this.#still.show(source.get("_first"), source.get("panes"), source.get("convention"), this.#layers[0]);
    } else {
      this.#still.hide();
    }
  }

  #refreshReadout(xyz: Vec3 = this.source.get("crosshair")): void {
    const text = readout(this.#layers, this.#styles, this.voxels, xyz);
    this.#readout.textContent = text;
    this.#readout.hidden = text === "";
    // the line is cut at its end where there is no room for all of it
    this.#readout.title = text;
  }

  #refreshLetters(): void {
    if (!this.#scene) {
      return;
    }
    const { panes, base } = this.#scene.arrangement();
    this.#letters.replaceChildren(...(base ? letterElements(panes, this.source.get("convention"), base) : []));
  }

  #refreshMessage(layers: LayerInfo[]): void {
    const entries = layers.map(({ id }) => this.voxels.get(id));
    const broken = entries.find((entry) => entry?.error);
    let text = "";
    if (this.#lost) {
      text = LOST;
    } else if (this.#failure) {
      text = this.#failure;
    } else if (layers.length === 0) {
      text = this.source.get("empty_text");
    } else if (broken && !entries.some((entry) => entry && Voxels.sharpest(entry) >= 0)) {
      text = broken.error;
    } else if (!entries.some((entry) => entry && Voxels.sharpest(entry) >= 0)) {
      text = this.#waits ? SMALL : "Waiting for the volume…";
    }
    const again = this.#lost && h("button", { type: "button", class: "mwb-v-button", onclick: () => this.#startAgain() }, "Draw again");
    this.#message.replaceChildren(h("p", {}, text), ...(again ? [again] : []));
    this.#message.hidden = text === "";
    this.#message.classList.toggle("mwb-v-note", text === SMALL);
    this.#message.classList.toggle("mwb-v-bad", Boolean(this.#lost || this.#failure || (broken && text)));
  }

  #fail(cause: string): void {
    this.#failure = `The viewer cannot draw. ${cause} Run the cell again, or use wb.view(..., backend="matplotlib").`;
    this.#refreshMessage(this.#layers);
  }

  /** Letters choose a tool, wherever the focus is in the viewer but in a field; others act on what was measured. */
  #shortcut(event: KeyboardEvent): void {
    if (modified(event) || (event.target as Element).closest("input, select, textarea")) {
      return;
    }
    const tool = toolOfKey(event.key, this.source.get("_tools"));
    const now = this.source.get("tool");
    const helps = event.key === "?";
    const picks = now === "pick" && event.key === "Enter" && event.target === this.#canvas;
    if (tool) {
      this.source.set("tool", tool);
      this.#measures.say(`Tool: ${TOOLS[tool].name}`);
    } else if (helps) {
      openHelp(this.#canvas, this.source.get("_tools"));
    } else if (picks) {
      this.#click(this.source.get("crosshair"));
    }
    const cleared = (event.key === "Escape" && this.#gestures?.cancel()) || (now === "measure" && this.#measures.key(event.key));
    if (tool || picks || helps || cleared) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  #key(event: KeyboardEvent): void {
    event.stopPropagation();
    const base = this.#layers[0];
    const xyz = base && !modified(event) && stepped(event.key, this.source.get("crosshair"), base, this.source.get("convention"));
    if (xyz) {
      event.preventDefault();
      this.source.set("crosshair", xyz);
    }
  }

  async #save(): Promise<void> {
    if (!this.#scene) {
      return;
    }
    const url = URL.createObjectURL(await this.#scene.picture(this.#measures.told()));
    h("a", { href: url, download: "viewer.png" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
