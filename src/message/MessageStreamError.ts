import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { withoutSecrets } from './withoutSecrets.ts';

/**
 * Why a reply did not end well.
 *
 * | code | when | retryable |
 * |---|---|---|
 * | `truncated` | the stream ended before `message_stop` | yes |
 * | `timeout` | one of our clocks ran out, or the platform's | yes |
 * | `connection` | the socket was lost or never opened | yes |
 * | `overloaded` | the API is overloaded (HTTP 529 or `overloaded_error`) | yes |
 * | `rate_limited` | HTTP 429 or `rate_limit_error` | yes, unless a spend limit is reached |
 * | `api` | the API failed (HTTP 5xx, `api_error`, `timeout_error`) | yes |
 * | `request` | the API refused the request (HTTP 4xx) | no |
 * | `protocol` | what came is no event stream | no |
 * | `invalid_json` | JSON is cut, malformed, or refused by its schema | no |
 * | `refusal` | the model declined, where that was to be an error | no |
 * | `aborted` | an `AbortSignal` fired | no |
 * | `unknown` | anything else; see `cause` | no |
 */
export type MessageStreamErrorCode =
  | 'truncated'
  | 'timeout'
  | 'connection'
  | 'overloaded'
  | 'rate_limited'
  | 'api'
  | 'request'
  | 'protocol'
  | 'invalid_json'
  | 'refusal'
  | 'aborted'
  | 'unknown';

/** Whether the same request may succeed if sent again, where nothing else says so. */
const RETRYABLE: Readonly<Record<MessageStreamErrorCode, boolean>> = {
  truncated: true,
  timeout: true,
  connection: true,
  overloaded: true,
  rate_limited: true,
  api: true,
  request: false,
  protocol: false,
  invalid_json: false,
  refusal: false,
  aborted: false,
  unknown: false,
};

/** All codes. */
export const CODES: ReadonlySet<unknown> = /* @__PURE__ */ new Set(Object.keys(RETRYABLE));

export interface MessageStreamErrorInit {
  code: MessageStreamErrorCode;
  /** Whether the same request may succeed if sent again. Default: as the code says. */
  retryable?: boolean | undefined;
  /** What had arrived; a function is called once, when `partial` is first read. */
  partial?: Message | (() => Message | undefined) | undefined;
  requestId?: string | undefined;
  /** How long the server asked to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** The HTTP status, where there was one. */
  status?: number | undefined;
  /** The API's `error.type`, such as `overloaded_error`. */
  errorType?: string | undefined;
  /** How many attempts at the reply there were, where it was tried more than once. */
  attempts?: number | undefined;
  /** The SDK's or the platform's own error. */
  cause?: unknown;
}

/** The fields of an error that can be written as JSON: what `toJSON()` returns. */
export type MessageStreamErrorFields = Pick<
  MessageStreamError,
  'name' | 'message' | 'code' | 'retryable' | (typeof KNOWN_SOMETIMES)[number]
>;

/** What only some errors have: no field of it where it is not known. */
const KNOWN_SOMETIMES = ['requestId', 'retryAfterMs', 'status', 'errorType', 'attempts'] as const;

/**
 * The one error that streams of this package end with.
 *
 * `partial` holds the message as far as it had arrived, with its usage; nothing that came is lost.
 *
 * @example
 * ```ts
 * import { MessageStreamError } from 'claude-rx';
 *
 * function describe(error: unknown): string {
 *   if (!(error instanceof MessageStreamError)) throw error;
 *   const text = error.partial?.content.flatMap((block) => (block.type === 'text' ? block.text : []));
 *   return `${error.code}: ${error.message} (request ${error.requestId}) after ${text?.join('')}`;
 * }
 * ```
 */
export class MessageStreamError extends Error {
  readonly code: MessageStreamErrorCode;
  /** Whether the same request may succeed if sent again. */
  readonly retryable: boolean;
  // Declared only: a class field would be a row of `undefined` in every logged error.
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly status?: number;
  declare readonly errorType?: string;
  /** How many attempts at the reply there were, where it was tried more than once. */
  declare readonly attempts?: number;
  #partial: Message | (() => Message | undefined) | undefined;

  constructor(message: string, init: MessageStreamErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.retryable = init.retryable ?? RETRYABLE[init.code] ?? false;
    for (const field of KNOWN_SOMETIMES) {
      if (init[field] !== undefined) Object.assign(this, { [field]: init[field] });
    }
    this.#partial = init.partial;
  }

  /** The message as far as it had arrived, or `undefined` when not even `message_start` had. */
  get partial(): Message | undefined {
    if (typeof this.#partial === 'function') this.#partial = this.#partial();
    return this.#partial;
  }

  /** The same error with this `partial` and request id, where it has none of its own. */
  with(context: Pick<MessageStreamErrorInit, 'partial' | 'requestId'>): this {
    const requestId = this.requestId ?? context.requestId;
    const partial = this.#partial ?? context.partial;
    if (requestId === this.requestId && partial === this.#partial) return this;
    return this.#copy({ requestId, partial });
  }

  /** The same error as the last of several attempts, with what all of them brought. */
  after(attempts: number, partial: Message | undefined): this {
    return this.#copy({ attempts, partial });
  }

  /** A copy of the same class, whose constructor takes a message and the fields. */
  #copy(changes: Partial<MessageStreamErrorInit>): this {
    const Class = this.constructor as new (message: string, init: MessageStreamErrorInit) => this;
    const error = new Class(this.message, { ...this, cause: this.cause, ...changes });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  /** For logs that write JSON: all but `cause` and `partial`, which can be large. */
  toJSON(): MessageStreamErrorFields {
    return {
      name: this.name,
      message: this.message,
      ...(this as Omit<MessageStreamErrorFields, 'name' | 'message'>),
    };
  }
}

/** For `util.inspect`, and so `console.log`: the cause by its name, since its headers hold cookies. */
function inspected(
  this: MessageStreamError,
  _depth: number,
  options: object,
  inspect: (value: unknown, options: object) => string,
): string {
  const { cause } = this;
  const own = inspect({ ...(this as object) }, options);
  const shown =
    cause instanceof Error
      ? `${cause.name}: ${withoutSecrets(cause.message)}`
      : inspect(cause, options);
  const all = cause === undefined ? own : own.replace(/\s*\}$/, `,\n  [cause]: ${shown}\n}`);
  return `${this.stack ?? this.message} ${all}`;
}

// Not a method: the build cannot declare one whose name is computed.
for (const [key, value] of [
  ['name', 'MessageStreamError'],
  [Symbol.for('nodejs.util.inspect.custom'), inspected],
] as const) {
  Object.defineProperty(MessageStreamError.prototype, key, {
    value,
    configurable: true,
    writable: true,
  });
}
