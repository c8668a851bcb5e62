import { StreamMeter } from '../flow/StreamMeter.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';
import { asString, type Fields, fields, isRecord } from '../message/record.ts';
import { describe, labelOf, type Label, shortened } from './drawing/labelOf.ts';
import type {
  InspectorEntry,
  ReportedError,
  ReportedEvent,
  ReportedValue,
} from './InspectorEntry.ts';
import { textFieldOf } from '../message/mergeAdjacent.ts';

/** The latest time of a `Date`. */
const LATEST = 8.64e15;

/** A value that has passed a stage, or several values of one kind that came at once. */
export interface InspectedMark {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The number of values that it stands for. */
  readonly count: number;
  readonly label: Label;
  /** The event, if the value is an event or contains one. */
  readonly event: ReportedEvent | undefined;
  readonly value: ReportedValue | undefined;
}

/** A content block at a stage. */
export interface InspectedBlock {
  readonly index: unknown;
  readonly name: string;
  readonly from: number;
  to: number | undefined;
  isWithdrawn: boolean;
}

/** The state of a valve from `at` on. */
export interface InspectedDepth {
  readonly at: number;
  readonly depth: number;
  readonly isOpen: boolean;
}

export interface InspectionOptions {
  /** The maximum number of values that are kept; then the oldest are dropped. Default: 200,000. */
  marks?: number | undefined;
  /** Milliseconds without content, after some content, that count as a stall. Default: 5,000. */
  stallAfter?: number | undefined;
}

/** One subscription of a stage. */
export class InspectedStage {
  readonly key: string;
  readonly name: string;
  /** Whether its content was reported. */
  readonly content: boolean;
  readonly from: number;
  to: number | undefined;
  end: 'complete' | 'error' | 'unsubscribe' | undefined;
  error: ReportedError | undefined;
  /** The next stage, which gets its values. */
  into: InspectedStage | undefined;
  run!: InspectedRun;
  readonly marks: InspectedMark[] = [];
  readonly blocks: InspectedBlock[] = [];
  readonly depths: InspectedDepth[] = [];
  readonly meter: StreamMeter;
  /** The time of its first value; `Infinity` until then. */
  firstAt: number = Infinity;
  /** UTF-16 code units of text that have passed, after each mark with text. */
  readonly texts: { at: number; length: number }[] = [];

  constructor(key: string, name: string, content: boolean, from: number, stallAfter: number) {
    this.key = key;
    this.name = name;
    this.content = content;
    this.from = from;
    this.meter = new StreamMeter(from, stallAfter);
  }

  /** The time of its last entry. */
  get lastAt(): number {
    return this.to ?? Math.max(this.from, this.marks.at(-1)?.at ?? 0, this.depths.at(-1)?.at ?? 0);
  }

  /** The number of stages behind it. */
  get depth(): number {
    let depth = 0;
    for (let stage = this.into; stage && depth < 100; stage = stage.into) depth++;
    return depth;
  }
}

/** The stages with the same name in a pipeline: each further stage is another attempt. */
export interface InspectedLane {
  readonly name: string;
  readonly stages: readonly InspectedStage[];
}

interface Lane extends InspectedLane {
  readonly stages: InspectedStage[];
  depth: number;
  firstAt: number;
}

/** One subscription of a pipeline with all its stages. */
export class InspectedRun {
  /** The number of the pipeline, from 1. */
  readonly number: number;
  /** The name of the process or page, if known. */
  readonly process: string;
  readonly stages: InspectedStage[] = [];

  constructor(number: number, process: string) {
    this.number = number;
    this.process = process;
  }

  get from(): number {
    return Math.min(...this.stages.map(({ from }) => from));
  }

  get lastAt(): number {
    return Math.max(...this.stages.map(({ lastAt }) => lastAt));
  }

  /** Whether any stage has not ended. */
  get isRunning(): boolean {
    return this.stages.some(({ end }) => end === undefined);
  }

  /** How it ended for its subscriber: the end of its last stage. */
  get end(): InspectedStage['end'] {
    return this.isRunning ? undefined : this.#last?.end;
  }

  get error(): ReportedError | undefined {
    return this.isRunning ? undefined : this.#last?.error;
  }

  get #last(): InspectedStage | undefined {
    const last = this.lanes.at(-1)?.stages ?? [];
    return last.at(-1);
  }

  /** One line per name, the source first; of parallel stages, the stage with the earliest value first. */
  get lanes(): InspectedLane[] {
    const lanes = new Map<string, Lane>();
    for (const stage of this.stages) {
      const { name, depth, firstAt } = stage;
      const lane = lanes.get(name);
      if (lane) {
        lane.stages.push(stage);
        lane.depth = Math.max(lane.depth, depth);
        lane.firstAt = Math.min(lane.firstAt, firstAt);
      } else lanes.set(name, { name, stages: [stage], depth, firstAt });
    }
    // `Infinity - Infinity` is not a number.
    return [...lanes.values()].toSorted(
      (one, other) => other.depth - one.depth || one.firstAt - other.firstAt || 0,
    );
  }
}

/**
 * Collects reported entries for drawing: the pipelines, their stages, and the values of each stage.
 *
 * Bounded: with more values than `marks`, the oldest pipelines that have ended are dropped, then the
 * oldest values. Unknown entries are ignored; `push` never throws.
 *
 * @example
 * ```ts
 * import { attachInspector, drawInspection, Inspection, svgElement } from 'claude-rx/inspect';
 *
 * const inspection = new Inspection();
 * attachInspector((entry) => inspection.push(entry));
 *
 * function draw(figure: HTMLElement): void {
 *   const run = inspection.runs.at(-1);
 *   const to = performance.timeOrigin + performance.now();
 *   if (!run) return;
 *   const { node } = drawInspection(run, { from: to - 8_000, to, width: figure.clientWidth });
 *   figure.replaceChildren(svgElement(node));
 * }
 * ```
 */
export class Inspection {
  readonly #most: number;
  readonly #stallAfter: number;
  readonly #stages = new Map<string, InspectedStage>();
  readonly #processes = new Map<number, string>();
  #runs: InspectedRun[] = [];
  #count = 0;
  #numbers = 0;
  /** The number of entries that were lost before they arrived. */
  dropped = 0;
  /** Changes with each entry. */
  version = 0;

  constructor({ marks = 200_000, stallAfter = 5_000 }: InspectionOptions = {}) {
    this.#most = marks;
    this.#stallAfter = stallAfter;
  }

  /** The pipelines, in the order of their subscriptions. */
  get runs(): readonly InspectedRun[] {
    return this.#runs;
  }

  /** The number of values that are kept. */
  get marks(): number {
    return this.#count;
  }

  /** Adds an entry; `from` identifies the process or page that reports. */
  push(entry: InspectorEntry, from: number = 0): void {
    if (!isRecord(entry) || !(Math.abs(entry.at) < LATEST)) return;
    this.version++;
    if (entry.type === 'process') {
      this.#processes.set(from, asString(entry.name).slice(0, 100));
      return;
    }
    if (entry.type === 'dropped') {
      this.dropped += Number(entry.count) || 0;
      return;
    }
    const key = `${from}:${String(entry.id)}`;
    if (entry.type === 'subscribe') return this.#subscribe(key, entry, from);
    const stage =
      this.#stages.get(key) ?? this.#add(key, `#${String(entry.id)}`, true, entry.at, from);
    if (stage.end !== undefined && entry.type !== 'join') return;
    switch (entry.type) {
      case 'join':
        return this.#join(stage, this.#stages.get(`${from}:${String(entry.into)}`));
      case 'event':
        return this.#mark(stage, entry.at, entry.count, entry.event, undefined);
      case 'value':
        return this.#mark(stage, entry.at, entry.count, undefined, entry.value);
      case 'valve':
        stage.depths.push({
          at: entry.at,
          depth: Number(entry.depth) || 0,
          isOpen: entry.isOpen !== false,
        });
        return this.#bound(1);
      case 'error':
      case 'complete':
      case 'unsubscribe':
        // A reader that unsubscribes after `message_stop` has the complete reply.
        stage.end = entry.type === 'unsubscribe' && stage.meter.stopped ? 'complete' : entry.type;
        stage.to = entry.at;
        if (entry.type === 'error') stage.error = errorOf(entry.error);
    }
  }

  #subscribe(key: string, entry: InspectorEntry & { type: 'subscribe' }, from: number): void {
    // After a reconnect, the page gets entries again that it has already.
    if (this.#stages.has(key)) return;
    const name = asString(entry.stage).slice(0, 80) || '?';
    const stage = this.#add(key, name, entry.content, entry.at, from);
    this.#join(stage, this.#stages.get(`${from}:${String(entry.into)}`));
  }

  #add(key: string, name: string, content: boolean, at: number, from: number): InspectedStage {
    const stage = new InspectedStage(key, name, content, at, this.#stallAfter);
    const run = new InspectedRun(++this.#numbers, this.#processes.get(from) ?? '');
    this.#stages.set(key, stage);
    this.#runs.push(run);
    stage.run = run;
    run.stages.push(stage);
    return stage;
  }

  #join(stage: InspectedStage, into: InspectedStage | undefined): void {
    if (into === undefined || into === stage || stage.into !== undefined) return;
    const { run } = stage;
    stage.into = into;
    if (run === into.run) return;
    for (const other of run.stages) {
      other.run = into.run;
      into.run.stages.push(other);
    }
    this.#runs = this.#runs.filter((each) => each !== run);
    if (run.number === this.#numbers) this.#numbers--;
  }

  #mark(
    stage: InspectedStage,
    at: number,
    given: number | undefined,
    reported: ReportedEvent | undefined,
    value: ReportedValue | undefined,
  ): void {
    const count = Math.max(1, Math.floor(Number(given ?? 1)) || 1);
    const event = unwrapped(reported);
    const label = labelOfMark(event, value, stage.content);
    stage.marks.push({ at, count, label, event, value });
    stage.firstAt = Math.min(stage.firstAt, at);
    if (event) this.#measure(stage, event, at);
    else if (value?.type === 'string') {
      const text = asString(value.text);
      const delta = { type: 'text_delta', text };
      this.#measure(stage, { type: 'content_block_delta', index: 0, delta }, at);
    }
    this.#bound(1);
  }

  #measure(stage: InspectedStage, event: ReportedEvent, at: number): void {
    stage.meter.push(event as unknown as AnyStreamEvent, at);
    const { blocks } = stage;
    switch (event.type) {
      case 'content_block_start': {
        const block = fields(event['content_block']);
        const name = [block['type'], block['name']].filter(Boolean).join(' ');
        blocks.push({ index: event['index'], name, from: at, to: undefined, isWithdrawn: false });
        return;
      }
      case 'content_block_stop': {
        const block = blocks.findLast(
          ({ index, to }) => index === event['index'] && to === undefined,
        );
        if (block) block.to = at;
        return;
      }
      case 'resume': {
        const keep = Number(event['keep']);
        for (const block of blocks) {
          if (Number(block.index) >= keep && !block.isWithdrawn) {
            block.isWithdrawn = true;
            block.to ??= at;
          }
        }
        return;
      }
      case 'content_block_delta': {
        const text = fields(event['delta'])['text'];
        if (typeof text !== 'string' || text === '') return;
        stage.texts.push({ at, length: (stage.texts.at(-1)?.length ?? 0) + text.length });
      }
    }
  }

  /** Drops the oldest values above the limit. */
  #bound(added: number): void {
    this.#count += added;
    if (this.#count <= this.#most) return;
    const ended = this.#runs.find((run, index) => !run.isRunning && index < this.#runs.length - 1);
    if (ended) {
      this.#runs = this.#runs.filter((run) => run !== ended);
      for (const { key } of ended.stages) this.#stages.delete(key);
    } else {
      for (const { marks, texts, depths } of this.#stages.values()) {
        for (const list of [marks, texts, depths]) list.splice(0, Math.ceil(list.length / 2));
      }
    }
    this.#count = 0;
    for (const { marks, depths } of this.#stages.values())
      this.#count += marks.length + depths.length;
  }
}

/** The event inside a message of Claude Code, or the event itself. */
function unwrapped(event: ReportedEvent | undefined): ReportedEvent | undefined {
  if (event === undefined || !isRecord(event)) return undefined;
  return event.type === 'stream_event' && isRecord(event['event'])
    ? (event['event'] as unknown as ReportedEvent)
    : event;
}

function labelOfMark(
  event: ReportedEvent | undefined,
  value: ReportedValue | undefined,
  content: boolean,
): Label {
  if (event) {
    const label = labelOf(event);
    return !content && textFieldOf(event) ? { ...label, text: '' } : label;
  }
  const { type, text } = fields(value) as Partial<ReportedValue>;
  if (type === 'string') return content ? labelOf(asString(text)) : { text: '', kind: 'text' };
  return { text: shortened(asString(text) || asString(type)), kind: 'value' };
}

/** All known details of a mark, as text. */
export function detailOf({ event, value, label }: InspectedMark, content: boolean): string {
  if (value) return content ? asString(value.text) || value.type : value.type;
  if (!event) return label.text;
  const field = textFieldOf(event);
  if (field === undefined) return JSON.stringify(event, undefined, 1).slice(0, 2_000);
  const text = asString((event['delta'] as Fields)[field]);
  return content ? text : `${text.length} characters`;
}

function errorOf(error: unknown): ReportedError {
  const { code, message } = fields(error);
  const known: ReportedError = { code: (asString(code) || 'error').slice(0, 100) };
  return typeof message === 'string' ? { ...known, message: describe(message, 500).text } : known;
}
