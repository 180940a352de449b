// The JupyterLab extension: the App in a panel of its own, and a viewer for volume files.
import { appPlugin } from "./app_plugin";
import { notebookMenuPlugin } from "./notebook_menu";
import { volumePlugin } from "./volume_document";

export default [appPlugin, notebookMenuPlugin, volumePlugin];
