// The few words that every panel is written in: elements, identifiers, and a scope that cleans up after itself.
import "./keys";

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, unknown>;

/** Make an element. `on...` attributes are listeners, booleans are present or absent, the rest are strings. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  append(element, children);
  return element;
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

function append(element: Element, children: Child[]): void {
  for (const child of children) {
    if (child) element.append(child);
  }
}

let counter = 0;

/** An id that is unique on the page: several panels of one kind may be open at once. */
export function uniqueId(stem: string): string {
  counter += 1;
  return `mwb-${stem}-${counter}-${Math.random().toString(36).slice(2, 7)}`;
}

/** Replace children only where something changed, so that the keyboard focus is not lost on every update. */
export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
}

/** Text that is set only when it differs: live regions would otherwise be read out again and again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
