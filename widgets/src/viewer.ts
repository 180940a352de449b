import type { AnyWidget } from "@anywidget/types";

import "./viewer/viewer.css";

const widget: AnyWidget = {
  render({ el }) {
    el.classList.add("mwb-viewer");
    el.textContent = "viewer";
  },
};

export default widget;
