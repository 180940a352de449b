// The first picture: planes that Python drew and sent with the widget's state, seen until the voxels are there. A kernel
// that is busy for an hour answers nothing for an hour.

import { h } from "../ui/dom";
import { letterElements, type Pane, type ViewName } from "./letters";
import type { Convention, LayerInfo, Panes, Still } from "./protocol";
import { inPatient } from "./space";
import { tiles } from "./tiles";

const VIEWS: ViewName[] = ["axial", "coronal", "sagittal", "3D"];

export class StillPicture {
  readonly element = h("div", { class: "mwb-v-still" });
  #pictures: { still: Still; image: HTMLImageElement }[] = [];
  #of: Still[] | null = null;

  /** Show `stills` where the live views will be; `base` is the lowest layer. */
  show(stills: Still[], panes: Panes, convention: Convention, base: LayerInfo): void {
    this.#load(stills);
    this.element.hidden = false;
    const { clientWidth: width, clientHeight: height } = this.element;
    const places = base.picture ? [single(stills[0].view, width, height)] : layout(panes, width, height);
    const images = places.flatMap((pane) => {
      const found = this.#pictures.find(({ still }) => still.view === pane.view);
      if (!found) {
        return [];
      }
      const { image, still } = found;
      Object.assign(image.style, { left: `${pane.left}px`, top: `${pane.top}px`, width: `${pane.width}px`, height: `${pane.height}px` });
      // the sagittal view is the same in both conventions
      const turned = inPatient(base) && still.convention !== convention && pane.view !== "sagittal";
      image.style.transform = turned ? "scaleX(-1)" : "";
      return [image];
    });
    this.element.replaceChildren(...images, ...letterElements(places, convention, base));
  }

  hide(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.#load([]);
  }

  #load(stills: Still[]): void {
    if (stills === this.#of) {
      return;
    }
    this.#of = stills;
    this.#pictures.forEach(({ image }) => URL.revokeObjectURL(image.src));
    this.#pictures = stills.map((still) => {
      const { buffer, byteOffset, byteLength } = still.png;
      const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
      const src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      return { still, image: h("img", { src, alt: `${still.view} slice, small` }) };
    });
  }
}

function single(view: ViewName, width: number, height: number): Pane {
  return { view, left: 0, top: 0, width, height };
}

function layout(panes: Panes, width: number, height: number): Pane[] {
  if (panes !== "all") {
    return [single(panes === "3d" ? "3D" : panes, width, height)];
  }
  return tiles(width, height).map(([left, top, wide, high], n) => ({
    view: VIEWS[n],
    left: left * width,
    top: top * height,
    width: wide * width,
    height: high * height,
  }));
}
