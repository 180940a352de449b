// The JupyterLab extension: the App in a panel of its own, a side panel of runs, and a viewer for volume files.
import { appPlugin } from "./app_plugin";
import { notebookMenuPlugin } from "./notebook_menu";
import { runsPlugin } from "./runs_plugin";
import { volumePlugin } from "./volume_document";

export default [appPlugin, notebookMenuPlugin, runsPlugin, volumePlugin];
