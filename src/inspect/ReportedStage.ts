import { Subscription } from 'rxjs';
import type { InspectConfig } from './InspectConfig.ts';
import type { InspectorEntry } from './InspectorEntry.ts';
import { now } from './now.ts';
import { textFieldOf } from '../message/mergeAdjacent.ts';
import type { Fields } from '../message/record.ts';
import { LONGEST, reportedError, reportedEvent, reportedValue } from './reportedEvent.ts';

/** The receiver of the entries of a stage. */
export interface StageReporter {
  report(entry: InspectorEntry): void;
  /** Flushes the stage soon. */
  flushSoon(stage: ReportedStage): void;
  /** The number of the current run of code. */
  turn(): number;
}

/** Deltas of a block, or texts, that come within this number of milliseconds are one entry. */
const TOGETHER = 1;
/** The maximum content of such an entry, in UTF-16 code units. */
const MOST = 2_000;
/** The number of waiting values at which the stage is flushed. */
const MOST_WAITING = 250;
/** Within a synchronous run, the clock is read again after this number of values. */
const CLOCK_EVERY = 16;

/** Texts and deltas that came at about the same time, unchanged. */
interface Group {
  readonly at: number;
  readonly values: unknown[];
}

/** The subscription of a stage: turns its values into entries. */
export class ReportedStage {
  readonly #reporter: StageReporter;
  readonly id: number;
  readonly content: boolean;
  /** The subscription of the next stage. */
  into: number | undefined;
  #hasEnded = false;
  /** Values that are grouped, shortened and reported when the stage is flushed. */
  #groups: Group[] = [];
  #group: Group | undefined;
  #waiting = 0;
  #valve: { depth: number; isOpen: boolean } | undefined;
  #at = 0;
  #turn = -1;
  #reads = 0;

  constructor(reporter: StageReporter, id: number, content: boolean) {
    this.#reporter = reporter;
    this.id = id;
    this.content = content;
  }

  /** Records a value. For a text or a delta, this is only a push. */
  next(value: unknown): void {
    const at = this.#time();
    try {
      if (!isTextOrDelta(value)) return this.#report(value, at);
    } catch {
      return this.#reportUnreadable(at);
    }
    let group = this.#group;
    if (group === undefined || at - group.at >= TOGETHER) {
      if (this.#waiting === 0) this.#reporter.flushSoon(this);
      group = this.#group = { at, values: [] };
      this.#groups.push(group);
    }
    group.values.push(value);
    if (++this.#waiting >= MOST_WAITING) this.flush();
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

  /** Links the previous stage to this stage, if its subscription did not. */
  comesFrom(stage: ReportedStage): void {
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
    const [groups, valve, { id }] = [this.#groups, this.#valve, this];
    this.#groups = [];
    this.#group = this.#valve = undefined;
    this.#waiting = 0;
    for (const { at, values } of groups) {
      try {
        this.#reportGroup(values, at);
      } catch {
        this.#reportUnreadable(at);
      }
    }
    if (valve) this.#reporter.report({ type: 'valve', id, at: now(), ...valve });
  }

  /** The time of a value. Reading the clock for each of thousands of values would be slow. */
  #time(): number {
    const turn = this.#reporter.turn();
    if (turn !== this.#turn || ++this.#reads >= CLOCK_EVERY) {
      this.#turn = turn;
      this.#reads = 0;
      this.#at = now();
    }
    return this.#at;
  }

  /** Reports a value now, because it may be changed later, unlike texts and deltas. */
  #report(value: unknown, at: number): void {
    this.flush();
    const { id, content } = this;
    const event = reportedEvent(value, content);
    if (event !== undefined) return this.#reporter.report({ type: 'event', id, at, event });
    this.#reporter.report({ type: 'value', id, at, value: reportedValue(value, content) });
  }

  /** A value whose getters throw. */
  #reportUnreadable(at: number): void {
    this.#reporter.report({ type: 'value', id: this.id, at, value: { type: 'unreadable' } });
  }

  /** Reports texts and deltas; consecutive ones of a block are one entry. */
  #reportGroup(values: readonly unknown[], at: number): void {
    let open: OpenEntry | undefined;
    for (const value of values) {
      if (open?.grow(value)) continue;
      if (open) this.#reporter.report(open.entry(this.id, at));
      open = OpenEntry.of(value, this.content);
      if (!open) this.#report(value, at);
    }
    if (open) this.#reporter.report(open.entry(this.id, at));
  }
}

/** A delta or a text, with the following ones that are in the same entry. */
class OpenEntry {
  readonly #content: boolean;
  /** A delta; `undefined` for a text. */
  readonly #delta: Delta | undefined;
  /** The field of the delta with its text. */
  readonly #field: string;
  readonly #texts: string[] = [];
  #length = 0;
  #count = 0;

  private constructor(content: boolean, delta: Delta | undefined, field: string) {
    this.#content = content;
    this.#delta = delta;
    this.#field = field;
  }

  /** `undefined` for a delta that has no text. */
  static of(value: unknown, content: boolean): OpenEntry | undefined {
    const delta = typeof value === 'string' ? undefined : (value as Delta);
    const field = delta && textFieldOf(delta);
    if (delta && field === undefined) return undefined;
    const open = new OpenEntry(content, delta, field ?? '');
    return open.grow(value) ? open : undefined;
  }

  /** Adds a value; returns `false` if it does not belong to this entry. */
  grow(value: unknown): boolean {
    const text = this.#textOf(value);
    if (typeof text !== 'string' || this.#length >= MOST) return false;
    this.#count++;
    this.#length += Math.min(text.length, LONGEST);
    if (this.#content) this.#texts.push(text.length > LONGEST ? text.slice(0, LONGEST) : text);
    return true;
  }

  entry(id: number, at: number): InspectorEntry {
    const text = this.#content ? this.#texts.join('') : 'x'.repeat(this.#length);
    const count = this.#count > 1 ? { count: this.#count } : {};
    if (!this.#delta) return { type: 'value', id, at, value: { type: 'string', text }, ...count };
    const { type, index, delta } = this.#delta;
    const event = { type, index, delta: { type: delta.type, [this.#field]: text } };
    return { type: 'event', id, at, event, ...count };
  }

  #textOf(value: unknown): unknown {
    const first = this.#delta;
    if (first === undefined || typeof value === 'string') return first ? undefined : value;
    const { index, delta } = value as Delta;
    return index === first.index && delta?.type === first.delta.type
      ? delta[this.#field]
      : undefined;
  }
}

/** The fields of a delta that are read. */
interface Delta {
  type: string;
  index?: unknown;
  delta: Fields;
}

/** Whether a value is a text, or an event that is never changed later. */
function isTextOrDelta(value: unknown): value is string | Delta {
  if (typeof value === 'string') return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { type?: unknown }).type === 'content_block_delta'
  );
}
