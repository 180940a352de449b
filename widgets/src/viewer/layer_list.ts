// The list of layers below the pictures: what is shown, how strongly, in which colours, over which values.

import colors from "../../../workbench/widgets/colors.json";
import { h } from "../ui/dom";
import { formatValue } from "./geometry";
import type { Header, LayerInfo, Style } from "./protocol";
import type { Entry } from "./voxels";
import { Voxels } from "./voxels";

export interface LayerActions {
  restyle(id: string, change: Partial<Style>): void;
  sharpen(id: string): void;
  remove(id: string): void;
}

const HU_WINDOWS: [string, [number, number]][] = [
  ["Soft tissue", [-160, 240]],
  ["Lung", [-1350, 150]],
  ["Bone", [-450, 1050]],
  ["Brain", [0, 80]],
];
const MANY_LABELS = 24;

export class LayerList {
  readonly element = h("div", { class: "mwb-v-layers", role: "group", "aria-label": "Layers" });
  #rows = new Map<string, Row>();

  constructor(private actions: LayerActions) {}

  update(layers: LayerInfo[], styles: Record<string, Style>, removable: string[], entries: (id: string) => Entry | undefined): void {
    const rows = new Map<string, Row>();
    // the topmost layer first, as in every program that has layers
    for (const info of [...layers].reverse()) {
      const style = styles[info.id];
      if (!style) {
        continue;
      }
      const held = this.#rows.get(info.id);
      const row = held && held.info.version === info.version ? held : new Row(info, this.actions);
      row.update(style, removable.includes(info.id), entries(info.id));
      rows.set(info.id, row);
    }
    const elements = [...rows.values()].map((row) => row.element);
    const same = elements.length === this.element.children.length && elements.every((x, n) => this.element.children[n] === x);
    this.#rows = rows;
    if (!same) {
      this.element.replaceChildren(...elements);
    }
  }
}

class Row {
  readonly element: HTMLElement;
  #shown = h("input", { type: "checkbox" });
  #name = h("span", { class: "mwb-v-name" });
  #opacity = h("input", { type: "range", min: "0", max: "100", step: "1" });
  #percent = h("output", { class: "mwb-v-percent" });
  #colors = h("span", { class: "mwb-v-colors" });
  #status = h("span", { class: "mwb-v-status", role: "status" });
  #remove = h("button", { type: "button", class: "mwb-v-remove" }, "✕");
  #map: HTMLSelectElement | null = null;
  #low: HTMLInputElement | null = null;
  #high: HTMLInputElement | null = null;
  #bar: HTMLElement | null = null;
  #window: [number, number] = [0, 1];
  #labels = "";

  constructor(
    readonly info: LayerInfo,
    private actions: LayerActions,
  ) {
    const { id } = info;
    this.#shown.addEventListener("change", () => actions.restyle(id, { visible: this.#shown.checked }));
    this.#opacity.addEventListener("input", () => actions.restyle(id, { opacity: Number(this.#opacity.value) / 100 }));
    this.#remove.addEventListener("click", () => actions.remove(id));
    if (info.kind !== "labels" && info.samples === 1) {
      this.#buildColorBar();
    }
    this.element = h(
      "div",
      { class: "mwb-v-layer", "data-kind": info.kind },
      h("label", { class: "mwb-v-show", title: "Show or hide this layer" }, this.#shown, this.#name),
      this.#channelSelect(),
      h("label", { class: "mwb-v-opacity", title: "Opacity in percent" }, this.#opacity, this.#percent),
      this.#colors,
      this.#status,
      this.#remove,
    );
  }

  update(style: Style, removable: boolean, entry: Entry | undefined): void {
    this.#shown.checked = style.visible;
    // hidden, but with its room: the columns of all rows stay in line
    this.#remove.style.visibility = removable ? "" : "hidden";
    this.#remove.title = `Take ${style.name} out of the viewer`;
    this.#remove.setAttribute("aria-label", this.#remove.title);
    this.#name.textContent = this.#name.title = style.name;
    this.#shown.setAttribute("aria-label", `Show ${style.name}`);
    this.#opacity.setAttribute("aria-label", `Opacity of ${style.name}, percent`);
    if (document.activeElement !== this.#opacity) {
      this.#opacity.value = String(Math.round(style.opacity * 100));
    }
    this.#percent.textContent = `${Math.round(style.opacity * 100)}%`;
    const header = entry?.header;
    if (header) {
      this.#updateColors(style, header);
    }
    this.#updateStatus(entry);
  }

  #updateColors(style: Style, header: Header): void {
    const [low, high] = (this.#window = style.window ?? header.window);
    if (this.#map && this.#low && this.#high && this.#bar) {
      this.#map.value = style.colormap;
      this.#map.setAttribute("aria-label", `Colour map of ${style.name}`);
      this.#bar.style.background = gradient(style.colormap);
      for (const [input, value, what] of [
        [this.#low, low, "Lowest"],
        [this.#high, high, "Highest"],
      ] as const) {
        input.setAttribute("aria-label", `${what} value of ${style.name} shown${this.info.unit ? `, ${this.info.unit}` : ""}`);
        if (document.activeElement !== input) {
          input.value = formatValue(value, 3);
          input.title = `${what} value shown: ${formatValue(value)}${this.info.unit ? ` ${this.info.unit}` : ""}`;
        }
      }
    }
    const key = JSON.stringify(header.labels);
    if (this.info.kind === "labels" && key !== this.#labels) {
      this.#labels = key;
      const foreground = header.labels.slice(1);
      // Objects that are told apart by number only: their colours and how many they are say it all.
      const numbered = foreground.length > 1 && foreground.every(({ name, value }) => name === `label ${value}`);
      const chips = foreground.slice(0, MANY_LABELS).map(({ name, color, value }) => {
        const chip = h("span", { class: "mwb-v-swatch" });
        chip.style.background = color;
        const title = numbered ? name : `${name}: label ${value}`;
        return h("span", { class: "mwb-v-chip", title }, chip, ...(numbered ? [] : [name]));
      });
      const more = foreground.length - chips.length;
      const rest = numbered ? `${foreground.length} labels` : more > 0 ? `and ${more} more` : "";
      this.#colors.replaceChildren(...chips, rest);
    }
  }

  #updateStatus(entry: Entry | undefined): void {
    if (!entry) {
      return;
    }
    if (entry.error) {
      this.#status.textContent = entry.error;
      this.#status.classList.add("mwb-v-bad");
      return;
    }
    const part = Voxels.progress(entry);
    const finest = Voxels.sharpest(entry) === entry.stocks.length - 1;
    if (part < 1) {
      const verb = Voxels.sharpest(entry) < 0 ? "loading" : "sharpening";
      this.#status.textContent = `${verb} ${Math.round(part * 100)}%`;
    } else if (!finest) {
      const text = `All voxels (${Math.round(this.info.bytes / 1e6)} MB)`;
      if (this.#status.textContent !== text) {
        const more = h("button", { type: "button", class: "mwb-v-button", title: "Fetch every voxel: for a sharp 3D view, and for slices when the kernel is gone" }, text);
        more.addEventListener("click", () => this.actions.sharpen(this.info.id));
        this.#status.replaceChildren(more);
      }
    } else {
      this.#status.textContent = "";
    }
  }

  #buildColorBar(): void {
    const { id, unit } = this.info;
    this.#map = h("select", { class: "mwb-v-select", title: "Colour map" }, ...Object.keys(colors.maps).map((name) => h("option", { value: name }, name)));
    this.#map.addEventListener("change", () => actions.restyle(id, { colormap: this.#map?.value }));
    this.#low = h("input", { type: "text", inputmode: "decimal", class: "mwb-v-number", title: `Value at the low end${unit ? `, ${unit}` : ""}` });
    this.#high = h("input", { type: "text", inputmode: "decimal", class: "mwb-v-number", title: `Value at the high end${unit ? `, ${unit}` : ""}` });
    this.#bar = h("span", { class: "mwb-v-bar" });
    const actions = this.actions;
    const wrong = h("span", { class: "mwb-v-status mwb-v-bad", role: "alert" });
    const commit = () => {
      // what was not typed anew keeps the digits that are not shown
      const window = [this.#low, this.#high].map((input, end) =>
        input?.value === formatValue(this.#window[end], 3) ? this.#window[end] : Number(input?.value),
      ) as [number, number];
      const good = window.every(Number.isFinite) && window[0] < window[1];
      this.#low?.setAttribute("aria-invalid", String(!good));
      this.#high?.setAttribute("aria-invalid", String(!good));
      wrong.textContent = good ? "" : "A window is two numbers, the lower one first.";
      if (good) {
        actions.restyle(id, { window });
      }
    };
    for (const input of [this.#low, this.#high]) {
      input.addEventListener("change", commit);
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") {
          commit();
        }
      });
    }
    const parts: (HTMLElement | string)[] = [this.#map, this.#low, this.#bar, this.#high];
    if (unit) {
      parts.push(h("span", { class: "mwb-v-unit" }, unit));
    }
    if (unit === "HU") {
      const preset = h("select", { class: "mwb-v-select mwb-v-preset", title: "Usual CT windows", "aria-label": "Usual CT windows" }, h("option", { value: "" }, "CT…"));
      HU_WINDOWS.forEach(([name], index) => preset.append(h("option", { value: String(index) }, name)));
      preset.addEventListener("change", () => {
        if (preset.value) {
          actions.restyle(id, { window: HU_WINDOWS[Number(preset.value)][1] });
        }
        preset.value = "";
      });
      parts.push(preset);
    }
    this.#colors.append(...parts, wrong);
  }

  #channelSelect(): HTMLElement | null {
    if (this.info.channels.length === 0) {
      return null;
    }
    const options = this.info.channels.map((name, index) => h("option", { value: String(index) }, name));
    const select = h("select", { class: "mwb-v-select", title: "Channel", "aria-label": "Channel" }, ...options);
    select.addEventListener("change", () => this.actions.restyle(this.info.id, { channel: Number(select.value) }));
    return select;
  }
}

function gradient(name: string): string {
  const stops = colors.maps[name as keyof typeof colors.maps] ?? colors.maps.gray;
  return `linear-gradient(to right, ${stops.map((rgb) => `rgb(${rgb.join(",")})`).join(",")})`;
}
