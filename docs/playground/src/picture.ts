// The picture: elements and attributes that `starc draw` makes, and no others.

const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set(["svg", "g", "path", "rect", "text", "title"]);
const ATTRIBUTES = new Set([
  ...["d", "x", "y", "width", "height", "rx", "fill", "stroke", "opacity", "transform"],
  ...["stroke-width", "stroke-dasharray", "stroke-linecap", "viewBox", "role"],
  ...["font-size", "font-family", "text-anchor", "dominant-baseline"],
]);

/** What an SVG text draws, made anew; null where it is no SVG. */
export function drawn(text: string): SVGElement | null {
  const read = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return read.localName === "svg" ? copy(read) : null;
}

function copy(from: Element): SVGElement | null {
  if (from.namespaceURI !== SVG || !ELEMENTS.has(from.localName)) return null;
  const made = document.createElementNS(SVG, from.localName);
  for (const { name, value } of from.attributes)
    if (ATTRIBUTES.has(name) && !/url\s*\(/i.test(value)) made.setAttribute(name, value);
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) made.append(child.textContent ?? "");
    const inner = child instanceof Element ? copy(child) : null;
    if (inner) made.append(inner);
  }
  return made;
}

/** What is said of the LIV or the arc that an element of the picture belongs to. */
export function about(target: EventTarget | null): string {
  const group = target instanceof Element ? target.closest("g") : null;
  const words = group?.querySelector(":scope > title")?.textContent;
  return words ?? "";
}
