// Saving a map: as what, in which folder of the kernel's machine, under which name. Paths travel as messages, never as state.
import type { ExplainPanel } from "../generated/explain_panel";
import type { MapRow } from "../generated/messages";
import { button, checkbox, select, typed } from "./controls";
import { makeDialog, openDialog } from "./dialog";
import { h, setText } from "./dom";
import type { Scope } from "./model";
import { cutPath, endingOf, joinPath, withEnding } from "./paths";
import { pick } from "./picker";

const FORMATS = [
  { value: ".nii.gz", label: "NIfTI (.nii.gz), with how it was made (.json)" },
  { value: ".dcm", label: "DICOM Parametric Map (.dcm)" },
  { value: ".png", label: "Picture (.png)" },
];

/** Endings that a map can have: two of them are not offered, and may be typed. */
const ENDINGS = [...FORMATS.map((format) => format.value), ".nii", ".npz"];

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
    let ending = FORMATS[0].value;
    const show = (wanted: string) => {
      ending = wanted;
      format.set(wanted);
      patient.row.hidden = wanted !== ".dcm";
    };
    const format = select({ label: "As", tooltip: "NIfTI can be loaded again with all that made the map; the others are for other programs" }, (value) => {
      name.set(withEnding(value_of(name), value, ENDINGS));
      show(value);
    });
    // a name that is typed with its ending says as what, too
    const typedAs = () => FORMATS.find((one) => one.value === endingOf(value_of(name), ENDINGS))?.value;
    const place = typed({ label: "Folder", tooltip: "On the machine of the kernel; empty for the working folder" }, { placeholder: "working folder" }, () => undefined);
    const name = typed({ label: "Name", tooltip: "The name of the file; without an ending it gets that of the format" }, {}, () => show(typedAs() ?? ending));
    const patient = checkbox({ label: "Patient", tooltip: "Copy the patient's and the study's names, numbers and dates from the DICOM images, as an archive needs them" }, () => undefined);
    const browse = button("Browse…", "Pick a folder on the machine of the kernel", () =>
      pick(scope, browse.element, { heading: "Save a map", whole: ["Use this folder", "Save into this folder, under the name of the form"] }, (path, whole) => {
        const [there, called] = whole ? [path, ""] : cutPath(path);
        place.set(there);
        if (!called) return;
        name.set(called);
        show(typedAs() ?? ending);
      }),
    );
    place.row.querySelector(".mwb-control")?.append(browse.element);
    const save = button("Save", "Save the map", () => {
      folder = value_of(place);
      const file = endingOf(value_of(name), ENDINGS) ? value_of(name) : withEnding(value_of(name), ending, ENDINGS);
      scope.act("save", { number: map.number, path: joinPath(folder, file), patient: ending === ".dcm" && (patient.input as HTMLInputElement).checked });
      dialog.element.close();
    }, "primary");
    format.choices(FORMATS);
    show(ending);
    place.set(folder);
    name.set(map.label.toLowerCase().replace(/[^a-z0-9+]+/g, "-").replace(/^-|-$/g, "") + ending);
    const dialog = makeDialog(`Save ${map.label}`, "mwb-picker");
    openDialog(
      dialog,
      opener,
      h("div", { class: "mwb-fields" }, format.row, name.row, place.row, patient.row),
      h("div", { class: "mwb-actions mwb-save" }, save.element, dialog.close),
    );
  };
  return { told, open };
}

function value_of(control: { input: HTMLElement }): string {
  return (control.input as HTMLInputElement).value.trim();
}
