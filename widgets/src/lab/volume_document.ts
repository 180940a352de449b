import { type JupyterFrontEndPlugin } from "@jupyterlab/application";
export const volumePlugin: JupyterFrontEndPlugin<void> = { id: "medical-workbench:volume", autoStart: true, activate: () => undefined };
