import type { Kind } from './labelOf.ts';

const MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";
const SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif";

type Colours = Record<Kind, readonly [fill: string, stroke: string, text: string]>;

const LIGHT: Colours = {
  text: ['#ddf4ff', '#54aeff', '#0a3069'],
  thinking: ['#fbefff', '#c297ff', '#512a97'],
  json: ['#fff8c5', '#d4a72c', '#4d2d00'],
  value: ['#dafbe1', '#4ac26b', '#044f1e'],
  meta: ['#f6f8fa', '#afb8c1', '#424a53'],
  ping: ['#ffffff', '#d1d9e0', '#59636e'],
  seam: ['#fff1e5', '#fb8f44', '#762c00'],
};
const DARK: Colours = {
  text: ['#0c2d6b', '#388bfd', '#cae8ff'],
  thinking: ['#3c1e70', '#a371f7', '#eddeff'],
  json: ['#4b2900', '#bb8009', '#f8e3a1'],
  value: ['#033a16', '#2ea043', '#aff5b4'],
  meta: ['#21262d', '#656c76', '#c9d1d9'],
  ping: ['#0d1117', '#3d444d', '#9198a1'],
  seam: ['#5a1e02', '#db6d28', '#ffdfb6'],
};

interface Page {
  fill: string;
  border: string;
  text: string;
  muted: string;
  line: string;
  band: string;
  error: string;
}

const theme = (colours: Colours, page: Page): string =>
  [
    `.page{fill:${page.fill};stroke:${page.border}}`,
    `.box{fill:${page.band};stroke:${page.line}}`,
    `.title,.name{fill:${page.text}}`,
    `.axis,.complete,.leader,.left{stroke:${page.line}}.complete{stroke:${page.text}}.dot{fill:${page.line}}`,
    `.block{fill:${page.band};stroke:${page.border}}`,
    `.block-name,.time{fill:${page.muted}}.ruler{stroke:${page.border}}`,
    `.error{stroke:${page.error}}.error-name{fill:${page.error}}`,
    `.seam-line{stroke:${colours.seam[1]}}`,
    ...Object.entries(colours).map(
      ([kind, [fill, stroke, text]]) =>
        `.${kind} rect{fill:${fill};stroke:${stroke}}.${kind} text{fill:${text}}`,
    ),
  ].join('');

/** The style sheet of a diagram, for light and dark pages. */
export const STYLE: string = [
  `text{font:12px ${MONO};text-anchor:middle}`,
  `.name,.time,.block-name,.error-name{font-family:${SANS}}`,
  '.name{font-size:13px;font-weight:600;text-anchor:start}',
  '.block-name,.time,.error-name{font-size:11px}.block-name{text-anchor:start}',
  '.title{font-size:13px;font-weight:600}',
  '.axis,.leader{stroke-width:1.5}.complete{stroke-width:3}.left{stroke-width:1.5}',
  '.error{stroke-width:3;stroke-linecap:round}.seam-line{stroke-width:2;stroke-dasharray:4 3}',
  '.block.open{stroke-dasharray:4 3}',
  theme(LIGHT, {
    fill: '#ffffff',
    border: '#d1d9e0',
    text: '#1f2328',
    muted: '#59636e',
    line: '#8c959f',
    band: '#f6f8fa',
    error: '#cf222e',
  }),
  `@media(prefers-color-scheme:dark){${theme(DARK, {
    fill: '#0d1117',
    border: '#3d444d',
    text: '#e6edf3',
    muted: '#9198a1',
    line: '#656c76',
    band: '#161b22',
    error: '#f85149',
  })}}`,
].join('');
