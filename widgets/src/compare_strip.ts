// Mirrors workbench/widgets/compare_strip.py: every map on the same slice, under the viewer's crosshair.
import type { CompareStrip } from "./generated/compare_strip";
import { h, replace, setText } from "./ui/dom";
import { type Model, Scope } from "./ui/model";
import "./ui/ui.css";
import "./compare_strip.css";

function render({ model, el }: { model: Model<CompareStrip>; el: HTMLElement }): () => void {
  const scope = new Scope(model);
  const title = h("span", { class: "mwb-title" });
  const row = h("div", { class: "mwb-strip-row" });
  const strip = h("section", { class: "mwb-ui mwb-card mwb-strip", "aria-label": "Maps side by side" }, title, row);
  el.append(strip);
  let urls: string[] = [];
  scope.watch(["tiles", "pictures", "title"], () => {
    const tiles = scope.get("tiles");
    const pictures = scope.get("pictures");
    strip.hidden = tiles.length === 0;
    setText(title, scope.get("title"));
    const old = urls;
    urls = pictures.map((bytes) => URL.createObjectURL(new Blob([bytes as unknown as BlobPart], { type: "image/png" })));
    replace(
      row,
      ...tiles.map((tile, n) =>
        h(
          "figure",
          { class: "mwb-tile" },
          h(
            "div",
            { class: "mwb-tile-picture", style: `aspect-ratio: ${tile.size[0]} / ${tile.size[1]}` },
            h("img", { src: urls[n], alt: `${tile.label}, on the slice through the crosshair` }),
            h("i", { class: "mwb-cross-x", style: `left: ${tile.cross[0] * 100}%` }),
            h("i", { class: "mwb-cross-y", style: `top: ${tile.cross[1] * 100}%` }),
          ),
          h("figcaption", { title: tile.label }, tile.label),
        ),
      ),
    );
    for (const url of old) URL.revokeObjectURL(url);
  });
  return () => {
    for (const url of urls) URL.revokeObjectURL(url);
    scope.dispose();
  };
}

export default { render };
