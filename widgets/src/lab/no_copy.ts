// How JupyterLab may hold a volume file that is looked at: by its name only.
//
// An ordinary document is fetched through the contents API, and the first time that it is opened JupyterLab asks the
// server to keep a copy of it in .ipynb_checkpoints. Volumes are patient data, so neither happens: what stands for the
// file is read-only and has no content, and nothing is asked of the contents API.
import { Base64ModelFactory, type DocumentRegistry } from "@jupyterlab/docregistry";
import type { Contents, IContentProvider } from "@jupyterlab/services";

/** Under which the provider is registered, and the model's factory too. */
export const BY_NAME = "medical-workbench-volume";

export class NameOnlyProvider implements IContentProvider {
  async get(localPath: string): Promise<Contents.IModel> {
    return standIn(localPath);
  }

  async save(): Promise<Contents.IModel> {
    throw new Error("A volume is looked at here, not changed. In a notebook, wb.write(volume, path) writes one.");
  }
}

/** Makes what stands for a document: it is read-only, and no content is asked for. */
export class ContentlessModelFactory extends Base64ModelFactory {
  constructor(private readonly called: string) {
    super();
  }
  override get name(): string {
    return this.called;
  }
  override get fileFormat(): never {
    return null as never;
  }
  override createNew(...options: Parameters<Base64ModelFactory["createNew"]>): DocumentRegistry.ICodeModel {
    const model = this.makeModel(...options);
    model.readOnly = true;
    return model;
  }
  protected makeModel(...options: Parameters<Base64ModelFactory["createNew"]>): DocumentRegistry.ICodeModel {
    return super.createNew(...options);
  }
}

/** What JupyterLab needs to know of something that it must neither fetch, nor save, nor copy. */
export function standIn(path: string): Contents.IModel {
  // changed whenever it is looked at: "Reload from Disk" then draws anew
  const now = new Date().toISOString();
  return {
    name: path.split("/").pop() ?? path,
    path,
    type: "file",
    writable: false,
    created: now,
    last_modified: now,
    mimetype: "application/octet-stream",
    content: null,
    format: null,
  };
}
