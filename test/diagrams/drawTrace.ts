import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { round, svg, svgText } from '../../src/inspect/drawing/svg.ts';
import { STYLE } from '../../src/inspect/drawing/style.ts';
import { statusOf } from '../support/telemetry.ts';

/** As wide as the marble diagrams: narrow enough for a phone. */
const WIDTH = 420;
const MARGIN = 12;
const TOP = 40;
const ROW = 46;
/** The colours of the marbles, and one for a failure. */
const CLASS: Record<string, string> = { OK: 'value', ERROR: 'failed', UNSET: 'meta' };
const FAILED =
  '.title{text-anchor:start}.failed rect{fill:#ffebe9;stroke:#cf222e}.failed text{fill:#82071e}' +
  '@media(prefers-color-scheme:dark){.failed rect{fill:#490202;stroke:#f85149}.failed text{fill:#ffdcd7}}';

/**
 * The spans of a test as a picture, for a light and for a dark page: a row for each, below its parent
 * and in the order of the starts. The horizontal axis has the order of the starts, since times differ
 * from run to run; a span reaches to the start of the last one in it.
 */
export function drawTrace(title: string, started: readonly ReadableSpan[]): string {
  const rows = below(started, undefined, 0);
  const order = new Map(started.map((span, index) => [span, index]));
  const step = (WIDTH - 2 * MARGIN) / started.length;
  const height = TOP + rows.length * ROW + 6;
  const bars = rows.map(({ span, depth }, index) => {
    const inner = below(started, span.spanContext().spanId, 0);
    const first = order.get(span)!;
    const last = Math.max(first, ...inner.map((one) => order.get(one.span)!));
    const [x, y] = [round(MARGIN + first * step), TOP + index * ROW];
    const width = round((last - first + 1) * step - 4);
    const status = statusOf(span);
    const bar = { x, y: y + 20, width, height: 18, rx: 4 };
    return [
      svg('text', { class: 'name', x: MARGIN + depth * 16, y: y + 14 }, span.name),
      svg(
        'g',
        { class: CLASS[status]! },
        svg('rect', bar),
        svg('text', { x: round(x + width / 2), y: y + 33 }, status),
      ),
    ];
  });
  const inWords = rows.map(
    ({ span, depth }) => `${'  '.repeat(depth)}${span.name}: ${statusOf(span)}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">`,
    svgText(svg('title', { id: 'title' }, `Trace: ${title}`)),
    svgText(svg('desc', { id: 'desc' }, inWords.join('\n'))),
    `<style>${STYLE}${FAILED}</style>`,
    `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="9"/>`,
    svgText(svg('text', { class: 'title', x: MARGIN, y: 26 }, title)),
    ...bars.map((group) => group.map(svgText).join('')),
    '</svg>\n',
  ].join('\n');
}

/** The spans below `parent`, each followed by its own. */
function below(
  spans: readonly ReadableSpan[],
  parent: string | undefined,
  depth: number,
): { span: ReadableSpan; depth: number }[] {
  return spans.flatMap((span) => {
    const { spanId } = span.spanContext();
    const isBelow = span.parentSpanContext?.spanId === parent;
    return isBelow ? [{ span, depth }, ...below(spans, spanId, depth + 1)] : [];
  });
}
