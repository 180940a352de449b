// Saving a map: as what, in which folder of the kernel's machine, under which name. Paths travel as messages, never as state.
import type { ExplainPanel } from "../generated/explain_panel";
import type { MapRow } from "../generated/messages";
import { button, checkbox, select, typed } from "./controls";
import { h, setText, uniqueId } from "./dom";
import type { Scope } from "./model";
import { pick } from "./picker";

const FORMATS = [
  { value: ".nii.gz", label: "NIfTI (.nii.gz), with how it was made (.json)" },
  { value: ".dcm", label: "DICOM Parametric Map (.dcm)" },
  { value: ".png", label: "Picture (.png)" },
];

export interface Saver {
  /** Where it was saved, in the page that is open. */
  told: HTMLElement;
  open(map: MapRow, opener: HTMLElement): void;
}

export function saver(scope: Scope<ExplainPanel>): Saver {
  const told = h("p", { class: "mwb-said", "aria-live": "polite" });
  told.hidden = true;
  scope.listen("saved_map", (saved) => {
    told.hidden = false;
    setText(told, `Saved ${saved.name} in ${saved.folder}`);
  });
  scope.watch(["maps"], () => {
    if (!scope.get("maps").length) told.hidden = true;
  });
  let folder = "";
  const open = (map: MapRow, opener: HTMLElement) => {
    const title = uniqueId("save");
    let ending = FORMATS[0].value;
    const format = select({ label: "As", tooltip: "NIfTI can be loaded again with all that made the map; the others are for other programs" }, (value) => {
      name.set(value_of(name).replace(new RegExp(`${ending.replaceAll(".", "\\.")}$`), "") + value);
      ending = value;
      format.set(value);
      patient.row.hidden = value !== ".dcm";
    });
    const place = typed({ label: "Folder", tooltip: "On the machine of the kernel; empty for the working folder" }, { placeholder: "working folder" }, () => undefined);
    const name = typed({ label: "Name", tooltip: "The name of the file, with its ending" }, {}, () => undefined);
    const patient = checkbox({ label: "Patient", tooltip: "Copy the patient's and the study's names, numbers and dates from the DICOM images, as an archive needs them" }, () => undefined);
    const browse = button("Browse…", "Pick a folder on the machine of the kernel", () =>
      pick(scope, browse.element, { heading: "Save a map", whole: ["Save here", "Take this folder"] }, (path, whole) => {
        const cut = path.lastIndexOf(path.includes("\\") ? "\\" : "/");
        place.set(whole ? path : path.slice(0, cut));
        if (!whole) name.set(path.slice(cut + 1));
      }),
    );
    const save = button("Save", "Save the map", () => {
      folder = value_of(place);
      const file = value_of(name);
      scope.act("save", { number: map.number, path: folder ? `${folder}/${file}` : file, patient: ending === ".dcm" && (patient.input as HTMLInputElement).checked });
      dialog.close();
    }, "primary");
    format.choices(FORMATS);
    format.set(ending);
    place.set(folder);
    name.set(map.label.toLowerCase().replace(/[^a-z0-9+]+/g, "-").replace(/^-|-$/g, "") + ending);
    patient.row.hidden = true;
    const dialog = h(
      "dialog",
      { class: "mwb-ui mwb-dialog mwb-picker", "aria-labelledby": title },
      h("h3", { id: title }, `Save ${map.label}`),
      h("div", { class: "mwb-fields" }, format.row, place.row, name.row, patient.row),
      h("div", { class: "mwb-actions mwb-save" }, save.element, browse.element, button("Close", "Close (Escape)", () => dialog.close()).element),
    );
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => {
      dialog.remove();
      opener.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
  };
  return { told, open };
}

function value_of(control: { input: HTMLElement }): string {
  return (control.input as HTMLInputElement).value.trim();
}
