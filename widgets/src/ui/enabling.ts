// A browser takes the focus from a control that is disabled. Who works by keyboard gets it back when it is enabled again.

type Disabling = HTMLElement & { disabled: boolean };

let left: Disabling | null = null;

/** Enable or disable a control, and keep the focus where a person left it. */
export function enable(control: Disabling, on: boolean): void {
  if (control.disabled === !on) return;
  if (!on && active(control) === control) left = control;
  control.disabled = !on;
  if (on && left === control) {
    left = null;
    if (free(control)) control.focus({ preventScroll: true });
  }
}

function active(control: HTMLElement): Element | null {
  return (control.getRootNode() as Document | ShadowRoot).activeElement;
}

/** Whether the focus went nowhere else meanwhile: only up to what is around the control. */
function free(control: HTMLElement): boolean {
  const now = active(control);
  return now === null || now === control || now.contains(control);
}
