/** An element of a drawing, before it is converted to text or to a page element. */
export interface SvgNode {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly children: readonly (SvgNode | string)[];
}

/** An SVG element with its attributes and children. */
export function svg(
  tag: string,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly (SvgNode | string)[]
): SvgNode {
  return { tag, attributes, children };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** The node as the text of an SVG file. Text and attributes are escaped. */
export function svgText(node: SvgNode | string): string {
  if (typeof node === 'string') return escaped(node, /[&<>]/g);
  const attributes = Object.entries(node.attributes).map(
    ([name, value]) => ` ${name}="${escaped(String(value), /[&<>"]/g)}"`,
  );
  const open = `<${node.tag}${attributes.join('')}`;
  if (node.children.length === 0) return `${open}/>`;
  return `${open}>${node.children.map(svgText).join('')}</${node.tag}>`;
}

/** The node as a page element. Text is never parsed as markup. */
export function svgElement({ tag, attributes, children }: SvgNode): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  for (const child of children) {
    element.append(typeof child === 'string' ? child : svgElement(child));
  }
  return element;
}

/** A coordinate with one decimal. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string, special: RegExp): string {
  return text.replace(special, (character) => ENTITIES[character]!).replace(CONTROL, '\uFFFD');
}

// XML 1.0 allows no control characters but these three.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]/g;
