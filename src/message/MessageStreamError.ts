import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { lookUp } from './record.ts';
import { withoutSecrets } from './withoutSecrets.ts';

/**
 * The reason for a failed reply.
 *
 * | code | when | retryable |
 * |---|---|---|
 * | `truncated` | the stream ended before `message_stop` | yes |
 * | `timeout` | a time limit of an operator or of the platform was exceeded | yes |
 * | `connection` | the connection was lost or never opened | yes |
 * | `overloaded` | the API is overloaded (HTTP 529 or `overloaded_error`) | yes |
 * | `rate_limited` | HTTP 429 or `rate_limit_error` | yes, unless a spend limit is reached |
 * | `api` | the API failed (HTTP 5xx, `api_error`, `timeout_error`) | yes |
 * | `request` | the API refused the request (HTTP 4xx) | no |
 * | `protocol` | the response is not an event stream | no |
 * | `invalid_json` | JSON is cut off, malformed, or does not match its schema | no |
 * | `refusal` | the model declined, and an operator reports that as an error | no |
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

/** Whether the same request may succeed if it is sent again, by code. */
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
  /** Whether the same request may succeed if it is sent again. Default: depends on the code. */
  retryable?: boolean | undefined;
  /** The message so far. A function is called once, when `partial` is first read. */
  partial?: Message | (() => Message | undefined) | undefined;
  requestId?: string | undefined;
  /** The time that the server asked to wait, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** The HTTP status, if there was one. */
  status?: number | undefined;
  /** The API's `error.type`, such as `overloaded_error`. */
  errorType?: string | undefined;
  /** The number of attempts, if there was more than one. */
  attempts?: number | undefined;
  /** The SDK's or the platform's own error. */
  cause?: unknown;
}

/** The fields that `toJSON()` returns. */
export type MessageStreamErrorFields = Pick<
  MessageStreamError,
  'name' | 'message' | 'code' | 'retryable' | (typeof KNOWN_SOMETIMES)[number]
>;

/** Fields that only some errors have. */
const KNOWN_SOMETIMES = ['requestId', 'retryAfterMs', 'status', 'errorType', 'attempts'] as const;

/**
 * The error of all streams of this package.
 *
 * `partial` is the message so far, with its usage: nothing that had arrived is lost.
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
  /** Whether the same request may succeed if it is sent again. */
  readonly retryable: boolean;
  // Only declared: class fields would add lines of `undefined` to every logged error.
  declare readonly requestId?: string;
  declare readonly retryAfterMs?: number;
  declare readonly status?: number;
  declare readonly errorType?: string;
  /** The number of attempts, if there was more than one. */
  declare readonly attempts?: number;
  #partial: Message | (() => Message | undefined) | undefined;

  constructor(message: string, init: MessageStreamErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.retryable = init.retryable ?? lookUp(RETRYABLE, init.code) ?? false;
    for (const field of KNOWN_SOMETIMES) {
      if (init[field] !== undefined) Object.assign(this, { [field]: init[field] });
    }
    this.#partial = init.partial;
  }

  /** The message so far; `undefined` if `message_start` had not arrived. */
  get partial(): Message | undefined {
    if (typeof this.#partial === 'function') this.#partial = this.#partial();
    return this.#partial;
  }

  /** The same error with this `partial` and request id, if it has none. */
  with(context: Pick<MessageStreamErrorInit, 'partial' | 'requestId'>): this {
    const requestId = this.requestId ?? context.requestId;
    const partial = this.#partial ?? context.partial;
    if (requestId === this.requestId && partial === this.#partial) return this;
    return this.#copy({ requestId, partial });
  }

  /** The same error as the last of several attempts, with the content of all attempts. */
  after(attempts: number, partial: Message | undefined): this {
    return this.#copy({ attempts, partial });
  }

  /** A copy of the same class, made with its constructor. */
  #copy(changes: Partial<MessageStreamErrorInit>): this {
    const Class = this.constructor as new (message: string, init: MessageStreamErrorInit) => this;
    const error = new Class(this.message, { ...this, cause: this.cause, ...changes });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  /** For logs in JSON: without `cause` and `partial`, which can be large. */
  toJSON(): MessageStreamErrorFields {
    return {
      name: this.name,
      message: this.message,
      ...(this as Omit<MessageStreamErrorFields, 'name' | 'message'>),
    };
  }
}

/**
 * For `util.inspect` and `console.log`: of the cause, only name and message, because its headers
 * have cookies.
 */
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

// Not a method, because the build cannot declare a method with a computed name.
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
