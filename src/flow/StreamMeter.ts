import { isContentEvent } from '../message/eventKinds.ts';
import type { AnyStreamEvent } from '../message/StreamEvent.ts';

/** The measurements of a reply. Times are in milliseconds; unknown values are `undefined`. */
export interface StreamMeasurements {
  /**
   * How the stream ended, or `running` before the end. If the subscriber leaves after `message_stop`, the
   * outcome is `complete`, because the reply is complete.
   */
  readonly outcome: 'running' | 'complete' | 'error' | 'unsubscribed';
  /** The error that ended the stream. */
  readonly error: unknown;
  /** From the subscription to the first event of any kind. */
  readonly timeToFirstEvent: number | undefined;
  /** From the subscription to the first text that is not empty. */
  readonly timeToFirstText: number | undefined;
  /** From the subscription to the end, or to now. */
  readonly duration: number;
  /** The number of events, including pings and unknown types. */
  readonly events: number;
  readonly pings: number;
  /** How many times the reply broke and was resumed: its `resume` events. */
  readonly seams: number;
  /** The times between two events with content, as percentiles (nearest rank). */
  readonly gaps: { readonly p50: number; readonly p95: number; readonly max: number } | undefined;
  /**
   * The silences after content that were longer than `stallAfter`: their number and total time. This
   * includes the silence at the end, or the current one; `gaps` does not include it.
   */
  readonly stalls: { readonly count: number; readonly total: number };
  /** Text, thinking and tool input, in UTF-16 units, as `length` counts them. */
  readonly characters: number;
  /** The same in bytes of UTF-8. */
  readonly bytes: number;
  /** The last known `usage.input_tokens`: without tokens read from or written to the cache. */
  readonly inputTokens: number | undefined;
  /** The last known `usage.output_tokens`: about 1 until the end of the message. */
  readonly outputTokens: number | undefined;
  /** Output tokens per second, from the first event with content to the last. */
  readonly tokensPerSecond: number | undefined;
  readonly stopReason: string | undefined;
  /** The model of the reply; after a fallback, the fallback model. */
  readonly model: string | undefined;
}

interface Usage {
  input_tokens?: number | null;
  output_tokens?: number | null;
}

/** The fields that are read. Events from the network may lack fields of their type. */
interface Fields {
  message?: { model?: string; usage?: Usage };
  content_block?: Record<string, unknown> & { to?: { model?: string } };
  delta?: Record<string, unknown> & { stop_reason?: string | null };
  usage?: Usage;
}

/** The field with the text of a block or a delta, by type. */
const TEXT_OF: Readonly<Record<string, string>> = {
  text: 'text',
  text_delta: 'text',
  thinking: 'thinking',
  thinking_delta: 'thinking',
  input_json_delta: 'partial_json',
};

/** Measures a reply. The caller passes the time with each event. */
export class StreamMeter {
  readonly #start: number;
  readonly #stallAfter: number;
  #events = 0;
  #pings = 0;
  #seams = 0;
  #characters = 0;
  #bytes = 0;
  #firstEventAt: number | undefined;
  #firstTextAt: number | undefined;
  #firstContentAt: number | undefined;
  #lastContentAt: number | undefined;
  /** How often each gap occurred: there are far fewer different gaps than events. */
  readonly #gaps = new Map<number, number>();
  #inputTokens: number | undefined;
  #outputTokens: number | undefined;
  /** From `message_delta` only: in `message_start` the count is about 1. */
  #generatedTokens: number | undefined;
  #stopReason: string | undefined;
  #model: string | undefined;
  #stopped = false;

  constructor(now: number, stallAfter: number) {
    this.#start = now;
    this.#stallAfter = stallAfter;
  }

  /** Whether the message has had its `message_stop`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Handles the next event. */
  push(event: AnyStreamEvent, now: number): void {
    this.#events++;
    this.#firstEventAt ??= now;
    if (isContentEvent(event)) this.#time(now);
    const fields = event as unknown as Fields;
    switch (event.type) {
      case 'content_block_delta':
        return this.#count(fields.delta, now);
      case 'content_block_start':
        this.#model = fields.content_block?.to?.model ?? this.#model;
        return this.#count(fields.content_block, now);
      case 'message_start':
        this.#stopped = false;
        this.#model = fields.message?.model ?? this.#model;
        return this.#use(fields.message?.usage);
      case 'message_delta':
        this.#stopReason = fields.delta?.stop_reason ?? this.#stopReason;
        this.#generatedTokens = fields.usage?.output_tokens ?? this.#generatedTokens;
        return this.#use(fields.usage);
      case 'message_stop':
        this.#stopped = true;
        return;
      case 'ping':
        this.#pings++;
        return;
      case 'resume':
        this.#stopped = false;
        this.#seams++;
        return;
    }
  }

  /** The measurements until `now`. */
  measure(
    now: number,
    outcome: StreamMeasurements['outcome'],
    error?: unknown,
  ): StreamMeasurements {
    const since = (at: number | undefined) => (at === undefined ? undefined : at - this.#start);
    return {
      outcome,
      error,
      timeToFirstEvent: since(this.#firstEventAt),
      timeToFirstText: since(this.#firstTextAt),
      duration: now - this.#start,
      events: this.#events,
      pings: this.#pings,
      seams: this.#seams,
      gaps: percentiles(this.#gaps),
      stalls: this.#stalls(now),
      characters: this.#characters,
      bytes: this.#bytes,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      tokensPerSecond: this.#tokensPerSecond(),
      stopReason: this.#stopReason,
      model: this.#model,
    };
  }

  #time(now: number): void {
    this.#firstContentAt ??= now;
    if (this.#lastContentAt !== undefined) {
      // The system's clock may have been set back.
      const gap = Math.max(0, now - this.#lastContentAt);
      this.#gaps.set(gap, (this.#gaps.get(gap) ?? 0) + 1);
    }
    this.#lastContentAt = now;
  }

  #count(piece: Fields['delta'], now: number): void {
    const key = TEXT_OF[piece?.['type'] as string];
    const text = key && piece?.[key];
    if (typeof text !== 'string' || text === '') return;
    this.#characters += text.length;
    this.#bytes += utf8Length(text);
    if (key === 'text') this.#firstTextAt ??= now;
  }

  #use(usage: Usage | undefined): void {
    this.#inputTokens = usage?.input_tokens ?? this.#inputTokens;
    this.#outputTokens = usage?.output_tokens ?? this.#outputTokens;
  }

  #stalls(now: number): StreamMeasurements['stalls'] {
    const stalls = { count: 0, total: 0 };
    const add = (gap: number, times: number) => {
      if (!(gap > this.#stallAfter)) return;
      stalls.count += times;
      stalls.total += gap * times;
    };
    this.#gaps.forEach((times, gap) => add(gap, times));
    if (!this.#stopped) add(now - (this.#lastContentAt ?? now), 1);
    return stalls;
  }

  #tokensPerSecond(): number | undefined {
    const milliseconds = (this.#lastContentAt ?? 0) - (this.#firstContentAt ?? 0);
    if (this.#generatedTokens === undefined || !(milliseconds > 0)) return undefined;
    return (this.#generatedTokens * 1_000) / milliseconds;
  }
}

/** The percentiles by nearest rank: the smallest value that at least this percentage does not exceed. */
function percentiles(occurrences: ReadonlyMap<number, number>): StreamMeasurements['gaps'] {
  const sorted = [...occurrences].toSorted(([one], [other]) => one - other);
  const size = sorted.reduce((sum, [, times]) => sum + times, 0);
  const largest = sorted.at(-1);
  if (largest === undefined) return undefined;
  const percentile = (percent: number) => {
    let rank = Math.ceil((percent * size) / 100);
    return sorted.find(([, times]) => (rank -= times) <= 0)![0];
  };
  return { p50: percentile(50), p95: percentile(95), max: largest[0] };
}

/** Half a surrogate pair counts as 2 of its 4 bytes, so the result does not depend on where text is cut. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
