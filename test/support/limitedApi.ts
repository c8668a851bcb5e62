import { type GatedRequestOptions, MessageStreamError, type StreamEvent } from 'claude-rx';
import {
  concat,
  defer,
  finalize,
  interval,
  map,
  of,
  type Observable,
  type SchedulerLike,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs';
import { messageDelta, messageStop, raw, usage } from '../operators/events.ts';

const MINUTE = 60_000;
/** Output is written and charged about so often, in milliseconds. */
const PIECE = 5_000;

const NAMES = {
  requests: 'requests',
  inputTokens: 'input-tokens',
  outputTokens: 'output-tokens',
} as const;
type Kind = keyof typeof NAMES;
type Amounts = Record<Kind, number>;
const KINDS = Object.keys(NAMES) as Kind[];

export interface LimitedApiOptions extends Amounts {
  random: () => number;
}

/** What one request is: its tokens, and how long its reply takes. */
export interface LimitedRequest {
  input: number;
  output: number;
  ms: number;
}

/**
 * The API in virtual time: token buckets, and requests that are some milliseconds on their way.
 * Output is charged while it is written. It has arithmetic of its own, as it judges the gate.
 */
export class LimitedApi {
  readonly used: Amounts = { requests: 0, inputTokens: 0, outputTokens: 0 };
  /** When each request was refused. */
  readonly refusedAt: number[] = [];
  firstResponseAt = Infinity;
  inFlight = 0;
  mostInFlight = 0;
  readonly #limits: Readonly<Amounts>;
  readonly #levels: Amounts;
  readonly #random: () => number;
  readonly #scheduler: SchedulerLike;
  #at: number;

  constructor({ random, ...limits }: LimitedApiOptions, scheduler: SchedulerLike) {
    this.#limits = limits;
    this.#levels = { ...limits };
    this.#random = random;
    this.#scheduler = scheduler;
    this.#at = scheduler.now();
  }

  /** All that could have been used by now. */
  get available(): Readonly<Amounts> {
    const share = 1 + this.#scheduler.now() / MINUTE;
    const { requests, inputTokens, outputTokens } = this.#limits;
    return {
      requests: requests * share,
      inputTokens: inputTokens * share,
      outputTokens: outputTokens * share,
    };
  }

  request(size: LimitedRequest, { onResponse }: GatedRequestOptions): Observable<StreamEvent> {
    return defer(() => {
      this.inFlight++;
      this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
      return timer(1 + this.#random() * 20, this.#scheduler).pipe(
        switchMap(() => this.#answer(size, onResponse)),
        finalize(() => this.inFlight--),
      );
    });
  }

  #answer(
    { input, output, ms }: LimitedRequest,
    onResponse: GatedRequestOptions['onResponse'],
  ): Observable<StreamEvent> {
    this.#refill();
    const levels = this.#levels;
    const isRefused = levels.requests < 1 || levels.inputTokens < input || levels.outputTokens <= 0;
    if (!isRefused) this.#use({ requests: 1, inputTokens: input });
    const headers = this.#headers();
    this.firstResponseAt = Math.min(this.firstResponseAt, this.#scheduler.now());
    if (isRefused) {
      this.refusedAt.push(this.#scheduler.now());
      const missing = Math.max(
        (1 - levels.requests) / this.#limits.requests,
        (input - levels.inputTokens) / this.#limits.inputTokens,
        -levels.outputTokens / this.#limits.outputTokens,
      );
      const seconds = Math.max(1, Math.ceil(missing * 60));
      headers.set('retry-after', String(seconds));
      const error = new MessageStreamError('Too many requests', {
        code: 'rate_limited',
        status: 429,
        retryAfterMs: seconds * 1_000,
        cause: { headers },
      });
      return throwError(() => error);
    }
    let written = 0;
    const write = (tokens: number) => {
      this.#use({ outputTokens: tokens });
      written += tokens;
    };
    const start = timer(20 + this.#random() * 200, this.#scheduler).pipe(
      map(() => {
        onResponse({ requestId: undefined, status: 200, headers });
        return raw({ type: 'message_start', message: { content: [], usage: usage(input, 1) } });
      }),
    );
    const pieces = Math.ceil(ms / PIECE);
    const tokens = Math.floor(output / pieces);
    const text = interval(ms / pieces, this.#scheduler).pipe(
      take(pieces - 1),
      map(() => {
        write(tokens);
        const delta = { type: 'text_delta', text: 'word'.repeat(tokens) };
        return raw({ type: 'content_block_delta', index: 0, delta });
      }),
    );
    const end = timer(ms / pieces, this.#scheduler).pipe(
      switchMap(() => {
        write(output - written);
        return of(messageDelta('end_turn', output), messageStop);
      }),
    );
    return concat(start, text, end);
  }

  #use(amounts: Partial<Amounts>): void {
    this.#refill();
    for (const kind of KINDS) {
      this.#levels[kind] -= amounts[kind] ?? 0;
      this.used[kind] += amounts[kind] ?? 0;
    }
  }

  #refill(): void {
    const now = this.#scheduler.now();
    for (const kind of KINDS) {
      const limit = this.#limits[kind];
      this.#levels[kind] = Math.min(
        limit,
        this.#levels[kind] + ((now - this.#at) * limit) / MINUTE,
      );
    }
    this.#at = now;
  }

  #headers(): Headers {
    const headers = new Headers();
    for (const [kind, name] of Object.entries(NAMES) as [Kind, string][]) {
      const left = Math.max(0, this.#levels[kind]);
      const shown = kind === 'requests' ? Math.floor(left) : Math.round(left / 1_000) * 1_000;
      const fullIn = ((this.#limits[kind] - left) / this.#limits[kind]) * MINUTE;
      headers.set(`anthropic-ratelimit-${name}-limit`, String(this.#limits[kind]));
      headers.set(`anthropic-ratelimit-${name}-remaining`, String(shown));
      const reset = new Date(Math.ceil((this.#scheduler.now() + fullIn) / 1_000) * 1_000);
      headers.set(`anthropic-ratelimit-${name}-reset`, reset.toISOString());
    }
    return headers;
  }
}
