import { LabIcon } from "@jupyterlab/ui-components";

// Three stacked slices under a cross-hair; drawn with JupyterLab's icon classes, so that it follows the theme.
const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" style="fill: none" stroke="#616161" stroke-width="1.6" stroke-linejoin="round">
    <path d="M12 3 21 7.5 12 12 3 7.5Z"/>
    <path d="M3 12 12 16.5 21 12"/>
    <path d="M3 16.5 12 21 21 16.5"/>
  </g>
  <circle class="jp-icon-brand0 jp-icon-selectable" cx="12" cy="7.5" r="2" fill="#1976d2"/>
</svg>`;

export const workbenchIcon = new LabIcon({ name: "medical-workbench:icon", svgstr: DRAWING });

// A curve that falls, as losses do, in the corner of its axes.
export const runsIcon = new LabIcon({
  name: "medical-workbench:runs",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" style="fill: none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
    <path d="M4 4V20H20"/>
    <path d="M8 6C9 13 12 16 20 16"/>
  </g>
</svg>`,
});

/** For launcher cards among the kernels, which take pictures by address only. */
export const workbenchIconAddress = `data:image/svg+xml,${encodeURIComponent(DRAWING)}`;
