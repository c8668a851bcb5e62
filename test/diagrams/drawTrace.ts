import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { statusOf } from '../support/telemetry.ts';

const ROW = 30;
const LEFT = 250;
const STEP = 42;
const COLOR: Record<string, string> = { OK: '#2e7d32', ERROR: '#c62828', UNSET: '#757575' };

/**
 * The spans of a test, in the order of their starts, as a picture: a row for each, below its parent and in the order of the starts.
 * The horizontal axis has the order of the starts, since times differ from run to run; a span reaches
 * to the start of the last one in it.
 */
export function drawTrace(title: string, started: readonly ReadableSpan[]): string {
  const rows = below(started, undefined, 0);
  const order = new Map(started.map((span, index) => [span, index]));
  const width = LEFT + (started.length + 1) * STEP;
  const height = 40 + rows.length * ROW + 10;
  const lines = rows.map(({ span, depth }, index) => {
    const inner = below(started, span.spanContext().spanId, 0);
    const first = order.get(span)!;
    const last = Math.max(first, ...inner.map((one) => order.get(one.span)!));
    const [x, y] = [LEFT + first * STEP, 40 + index * ROW];
    const length = (last - first + 1) * STEP - 4;
    const status = statusOf(span);
    return [
      `<text x="${10 + depth * 16}" y="${y + 15}">${span.name}</text>`,
      `<rect x="${x}" y="${y}" width="${length}" height="20" rx="4" fill="${COLOR[status]}"/>`,
      `<text x="${x + 6}" y="${y + 14}" class="status">${status}</text>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<style>text { font: 13px sans-serif; fill: #222 } .status { font-size: 10px; fill: #fff }</style>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="10" y="24" font-weight="bold">${title}</text>`,
    ...lines,
    '</svg>',
    '',
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
