import { Observable, Subscriber, Subscription } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';
import { inspectors, type Inspector } from './inspectors.ts';
import type { InspectorEntry, ReportedEvent, ReportedValue } from './InspectorEntry.ts';
import {
  contentField,
  reportedError,
  reportedEvent,
  reportedValue,
  shown,
} from './reportedEvent.ts';
import { type Fields, isRecord } from '../message/record.ts';

export interface AttachInspectorOptions {
  /** Whether stages that do not say so themselves report their content. Default: `false`. */
  content?: boolean | undefined;
}

/** Deltas of a block, or texts, that come within so many milliseconds are one entry. */
const TOGETHER = 1;
/** UTF-16 units of content that such an entry has at most. */
const MOST = 2_000;

/**
 * Calls `report` with everything that `inspect` sees in this process or page, from the next
 * subscription on. It is what `connectInspector` builds on; use it to draw a pipeline in a page of
 * your own, with `Inspection` and `drawInspection`.
 *
 * ```text
 * source  -m-t-t-|
 *         inspect('api')
 * report  sm-t-t-c          s: subscribe  c: complete
 * ```
 *
 * Deltas of one block that come within a millisecond are one entry, and so are texts; it is reported
 * when the next entry follows or the current run of code has ended. An error that `report` throws is dropped.
 *
 * Unsubscribing what it returns detaches: subscriptions that are watched then report no more.
 *
 * @throws TypeError when `report` is no function.
 *
 * @example
 * ```ts
 * import { attachInspector, Inspection } from 'claude-rx/inspect';
 *
 * const inspection = new Inspection();
 * const attached = attachInspector((entry) => inspection.push(entry));
 * // ... later
 * attached.unsubscribe();
 * ```
 */
export function attachInspector(
  report: (entry: InspectorEntry) => void,
  { content = false }: AttachInspectorOptions = {},
): Subscription {
  if (typeof report !== 'function') {
    throw new TypeError('attachInspector: pass a function that takes an entry');
  }
  const reporter = new Reporter(report, content);
  const list = inspectors();
  list.push(reporter.inspector);
  return new Subscription(() => {
    const index = list.indexOf(reporter.inspector);
    if (index >= 0) list.splice(index, 1);
    reporter.close();
  });
}

/** The milliseconds of the epoch, with fractions, and never set back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A delta, or a text, that may still grow. */
interface OpenEntry {
  readonly at: number;
  readonly entry: { type: 'event'; event: ReportedEvent } | { type: 'value'; value: ReportedValue };
  /** What has the content, in `field`. */
  readonly parent: Record<string, string>;
  readonly field: string;
  /** Of the block; `undefined` for a text. */
  readonly index: unknown;
  count: number;
}

/** Turns what happens at the stages into entries. */
class Reporter {
  readonly #report: (entry: InspectorEntry) => void;
  readonly #content: boolean;
  #ids = 0;
  /** The stages that have something to report when the current run of code has ended. */
  readonly #waiting = new Set<Stage>();
  isClosed = false;
  /** The stage that is subscribing to its source, or whose value is on its way, just now. */
  subscribing: Stage | undefined;
  passing: Stage | undefined;

  constructor(report: (entry: InspectorEntry) => void, content: boolean) {
    this.#report = report;
    this.#content = content;
  }

  readonly inspector: Inspector = (source, name, config) =>
    new Observable((subscriber) => {
      const { subscribing, passing } = this;
      const stage = new Stage(this, ++this.#ids, config.content ?? this.#content);
      stage.into = subscribing?.id ?? passing?.into;
      this.report({
        type: 'subscribe',
        id: stage.id,
        at: now(),
        stage: name,
        content: stage.content,
        ...(stage.into === undefined ? {} : { into: stage.into }),
      });
      const watched = new StageSubscriber(subscriber, this, stage);
      if (config.valve) watched.add(stage.watch(config.valve));
      this.subscribing = stage;
      this.passing = undefined;
      try {
        source.subscribe(watched);
      } finally {
        this.subscribing = subscribing;
        this.passing = passing;
      }
      return watched;
    });

  report(entry: InspectorEntry): void {
    if (this.isClosed) return;
    try {
      this.#report(entry);
    } catch {
      // An inspector must not disturb what it inspects.
    }
  }

  /** Has the stage flushed when the current run of code has ended. */
  flushSoon(stage: Stage): void {
    if (this.#waiting.size === 0) queueMicrotask(() => this.#flush());
    this.#waiting.add(stage);
  }

  close(): void {
    this.#flush();
    this.isClosed = true;
  }

  #flush(): void {
    for (const stage of this.#waiting) stage.flush();
    this.#waiting.clear();
  }
}

/** The subscription of a stage. */
class Stage {
  readonly #reporter: Reporter;
  readonly id: number;
  readonly content: boolean;
  /** The subscription that the values go to. */
  into: number | undefined;
  #hasEnded = false;
  #open: OpenEntry | undefined;
  #valve: { depth: number; isOpen: boolean } | undefined;

  constructor(reporter: Reporter, id: number, content: boolean) {
    this.#reporter = reporter;
    this.id = id;
    this.content = content;
  }

  next(value: unknown): void {
    const at = now();
    try {
      if (this.#open && this.#grow(this.#open, value, at)) return;
      this.flush();
      this.#open = this.#started(value, at);
      if (this.#open) return this.#reporter.flushSoon(this);
      const { id } = this;
      const event = reportedEvent(value, this.content);
      if (event !== undefined) return this.#reporter.report({ type: 'event', id, at, event });
      this.#reporter.report({ type: 'value', id, at, value: reportedValue(value, this.content) });
    } catch {
      // A value whose getters throw.
      this.#reporter.report({ type: 'value', id: this.id, at, value: { type: 'unreadable' } });
    }
  }

  end(entry: { type: 'complete' | 'unsubscribe' } | { type: 'error'; error: unknown }): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.flush();
    const { id, content } = this;
    if (entry.type !== 'error') return this.#reporter.report({ type: entry.type, id, at: now() });
    const error = reportedError(entry.error, content);
    this.#reporter.report({ type: 'error', id, at: now(), error });
  }

  /** Links the stage before this one, when its subscription did not. */
  comesFrom(stage: Stage): void {
    if (stage === this || stage.into !== undefined) return;
    stage.into = this.id;
    this.#reporter.report({ type: 'join', id: stage.id, at: now(), into: this.id });
  }

  watch({ depth$, open$ }: NonNullable<InspectConfig['valve']>): Subscription {
    const change = (state: Partial<{ depth: number; isOpen: boolean }>) => {
      this.#valve = { depth: 0, isOpen: true, ...last, ...state };
      last = this.#valve;
      this.#reporter.flushSoon(this);
    };
    let last: { depth: number; isOpen: boolean } | undefined;
    const watched = new Subscription();
    watched.add(open$.subscribe((isOpen) => change({ isOpen })));
    watched.add(depth$.subscribe((depth) => change({ depth })));
    return watched;
  }

  flush(): void {
    const [open, valve, { id }] = [this.#open, this.#valve, this];
    this.#open = this.#valve = undefined;
    if (open) {
      const { at, entry, count } = open;
      this.#reporter.report({ ...entry, id, at, ...(count > 1 ? { count } : {}) });
    }
    if (valve) this.#reporter.report({ type: 'valve', id, at: now(), ...valve });
  }

  /** The entry of a delta or a text; `undefined` for any other value. */
  #started(value: unknown, at: number): OpenEntry | undefined {
    const count = 1;
    if (typeof value === 'string') {
      const text = { type: 'string', text: shown(value, this.content) };
      const entry = { type: 'value' as const, value: text };
      return { at, entry, parent: text, field: 'text', index: undefined, count };
    }
    const field = isRecord(value) ? contentField(value) : undefined;
    const event = field && reportedEvent(value, this.content);
    if (!field || !event) return undefined;
    const parent = event['delta'] as Record<string, string>;
    return { at, entry: { type: 'event', event }, parent, field, index: event['index'], count };
  }

  /** Adds a delta or a text to the one before; `false` if it does not belong there. */
  #grow(open: OpenEntry, value: unknown, at: number): boolean {
    if (at - open.at >= TOGETHER) return false;
    const { parent, field } = open;
    let text = value;
    if (open.entry.type === 'event') {
      if (!isRecord(value) || value['type'] !== 'content_block_delta') return false;
      if (value['index'] !== open.index) return false;
      text = (value['delta'] as Fields | undefined)?.[field];
    }
    if (typeof text !== 'string') return false;
    open.count++;
    const before = parent[field]!;
    if (before.length < MOST) parent[field] = before + shown(text, this.content);
    return true;
  }
}

class StageSubscriber<T> extends Subscriber<T> {
  readonly #reporter: Reporter;
  readonly #stage: Stage;

  constructor(destination: Subscriber<T>, reporter: Reporter, stage: Stage) {
    super(destination);
    this.#reporter = reporter;
    this.#stage = stage;
  }

  protected override _next(value: T): void {
    const { passing } = this.#reporter;
    if (passing !== undefined) this.#stage.comesFrom(passing);
    this.#stage.next(value);
    this.#pass(() => super._next(value));
  }

  protected override _error(error: unknown): void {
    this.#stage.end({ type: 'error', error });
    this.#pass(() => super._error(error));
  }

  protected override _complete(): void {
    this.#stage.end({ type: 'complete' });
    this.#pass(() => super._complete());
  }

  override unsubscribe(): void {
    if (!this.closed) this.#stage.end({ type: 'unsubscribe' });
    super.unsubscribe();
  }

  /** Hands a notification on; what it subscribes to, or passes, comes from this stage. */
  #pass(notify: () => void): void {
    const reporter = this.#reporter;
    const { passing, subscribing } = reporter;
    reporter.passing = this.#stage;
    reporter.subscribing = undefined;
    try {
      notify();
    } finally {
      reporter.passing = passing;
      reporter.subscribing = subscribing;
    }
  }
}
