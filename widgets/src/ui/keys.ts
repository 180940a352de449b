// In a cell's output JupyterLab takes letters for its own: an "a" that is typed to find an entry of a list inserts a cell
// above. It leaves alone what comes from an element with this attribute, but asks only the very element that has the focus.
const OURS = ".mwb-ui, .mwb-viewer";
const ATTRIBUTE = "data-lm-suppress-shortcuts";

globalThis.addEventListener?.(
  "keydown",
  (event) => {
    const target = event.target;
    if (!(target instanceof Element) || !target.closest(OURS)) return;
    // with a modifier they are JupyterLab's, such as Ctrl+S
    if (event.ctrlKey || event.metaKey || event.altKey) target.removeAttribute(ATTRIBUTE);
    else target.setAttribute(ATTRIBUTE, "true");
  },
  { capture: true },
);

export {};
