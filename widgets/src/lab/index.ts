// The JupyterLab extension: a launcher card and command for the App, and a viewer for volume files.
import { appPlugin } from "./app_panel";
import { volumePlugin } from "./volume_document";

export default [appPlugin, volumePlugin];
