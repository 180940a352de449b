// Which files open in the viewer: the server knows the formats, packages that bring one included.
import type { DocumentRegistry } from "@jupyterlab/docregistry";

import type { FileTypes as Known } from "../generated/file_types";
import { workbenchIcon } from "./icon";
import { ask } from "./server";

export interface FileTypes {
  /** Names of the types that a double-click opens in the viewer. */
  first: string[];
  /** Names of those that "Open With" offers it for, the first ones included. */
  all: string[];
}

/** Tell JupyterLab the file types that the server can read; fails if the server half does not answer. */
export async function registerFileTypes(registry: DocumentRegistry): Promise<FileTypes> {
  const { formats }: Known = await (await ask("formats")).json();
  const first = new Set<string>();
  const all = new Set<string>();
  for (const { name, suffixes, shown_by_browsers } of formats) {
    // types that are there already, such as "tiff", stay; the viewer is added to them
    for (const suffix of [...suffixes, ...shown_by_browsers]) {
      const known = registry.getFileTypesForPath(`x${suffix}`).map((type) => type.name);
      known.forEach((type) => all.add(type));
      if (suffixes.includes(suffix)) known.forEach((type) => first.add(type));
    }
    if (suffixes.length === 0) continue;
    const type = `medical-workbench-${name}`;
    registry.addFileType({
      name: type,
      displayName: `${name} image`,
      extensions: suffixes,
      mimeTypes: ["application/octet-stream"],
      fileFormat: "base64",
      contentType: "file",
      icon: workbenchIcon,
    });
    first.add(type);
    all.add(type);
  }
  return { first: [...first], all: [...all] };
}
