// What ipywidgets' JupyterLab extension hands out to others; it is in every page that shows widgets, and not bundled.
declare module "@jupyter-widgets/jupyterlab-manager" {
  import type { DocumentRegistry } from "@jupyterlab/docregistry";
  import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
  import type { IDisposable } from "@lumino/disposable";

  /** Let the widgets of a document's kernel be shown: by `renderers`, and by those that `rendermime` makes from now on. */
  export function registerWidgetManager(
    context: DocumentRegistry.Context,
    rendermime: IRenderMimeRegistry,
    renderers: IterableIterator<unknown>,
  ): IDisposable;
}
