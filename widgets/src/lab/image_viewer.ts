// JupyterLab's own viewer of pictures shows PNG, JPEG and the like, and lets a copy be kept of each. A radiograph is as
// much a patient's as a volume is: what this viewer opens is told to be read-only, of which no copies are kept.
import type { DocumentRegistry } from "@jupyterlab/docregistry";
import type { Contents, IContentProvider } from "@jupyterlab/services";

const READ_ONLY = "medical-workbench-read-only";
const IMAGE_VIEWER = "Image";

class ReadOnlyProvider implements IContentProvider {
  constructor(private drive: Contents.IDrive) {}

  async get(localPath: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const model = await this.drive.get(localPath, { ...options, contentProviderId: undefined });
    return { ...model, writable: false };
  }

  save(localPath: string, options?: Partial<Contents.IModel>): Promise<Contents.IModel> {
    // without the name of this provider, or the drive would ask it again
    return this.drive.save(localPath, { ...options, contentProviderId: undefined } as Partial<Contents.IModel>);
  }
}

/** Let pictures be opened without leaving a copy, now or as soon as their viewer is there. */
export function openPicturesReadOnly(registry: DocumentRegistry, drive: Contents.IDrive): void {
  if (!drive.contentProviderRegistry) return;
  drive.contentProviderRegistry.register(READ_ONLY, new ReadOnlyProvider(drive));
  const set = () => {
    const factory = registry.getWidgetFactory(IMAGE_VIEWER);
    // one that another extension serves otherwise is left as it is
    if (factory && !factory.contentProviderId) factory.contentProviderId = READ_ONLY;
  };
  set();
  registry.changed.connect((_, { type, name }) => {
    if (type === "widgetFactory" && name?.toLowerCase() === IMAGE_VIEWER.toLowerCase()) set();
  });
}
