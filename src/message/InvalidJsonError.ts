import { plainIssue, type StandardIssue } from '../json/StandardSchema.ts';
import {
  MessageStreamError,
  type MessageStreamErrorFields,
  type MessageStreamErrorInit,
} from './MessageStreamError.ts';

export interface InvalidJsonInit extends Pick<
  MessageStreamErrorInit,
  'partial' | 'requestId' | 'attempts' | 'cause'
> {
  /** The original text. */
  text: string;
  /** The part of the value that could be read. */
  value: unknown;
  /** The model's stop reason, if that is the cause. */
  stopReason?: string | undefined;
  /** The schema's issues, if the JSON itself is complete. */
  issues?: readonly StandardIssue[] | undefined;
}

/** The maximum length of the text in a log. */
const LOGGED = 1_000;

/**
 * The error for JSON of the model that is cut off, malformed, or does not match its schema.
 *
 * Its `code` is `invalid_json`, or `refusal` if the model declined.
 *
 * @example
 * ```ts
 * import { InvalidJsonError } from 'claude-rx';
 *
 * function explain(error: unknown): string {
 *   if (!(error instanceof InvalidJsonError)) throw error;
 *   return `${error.message}: read ${JSON.stringify(error.value)} of ${error.text.length} characters`;
 * }
 * ```
 */
export class InvalidJsonError extends MessageStreamError {
  /** The original text; for a complete input that `toolUses` checked, the input as JSON. */
  readonly text: string;
  /** The value that could be read: an unfinished value, or the value that does not match the schema. */
  readonly value: unknown;
  /** The model's stop reason, if that is the cause. */
  declare readonly stopReason?: string;
  /** The schema's issues, if the JSON itself is complete. */
  declare readonly issues?: readonly StandardIssue[];

  constructor(message: string, init: InvalidJsonInit) {
    const { text, value, stopReason, issues, ...rest } = init;
    super(message, { ...rest, code: stopReason === 'refusal' ? 'refusal' : 'invalid_json' });
    this.text = text;
    this.value = value;
    if (stopReason !== undefined) this.stopReason = stopReason;
    if (issues !== undefined) this.issues = issues;
  }

  /** For logs in JSON: without the value, and with only the beginning of a long text. */
  override toJSON(): MessageStreamErrorFields {
    const fields = super.toJSON();
    const { value: _, text, issues, ...rest } = fields as typeof fields & InvalidJsonInit;
    const logged = {
      ...rest,
      text: text.length > LOGGED ? `${text.slice(0, LOGGED)}...` : text,
      ...(issues && { issues: issues.map(plainIssue) }),
    };
    return logged;
  }
}

Object.defineProperty(InvalidJsonError.prototype, 'name', {
  value: 'InvalidJsonError',
  configurable: true,
  writable: true,
});

/** The error for a call whose input is not valid. */
export function invalidToolInput(
  { name, id }: { name: string; id: string },
  problem: string,
  { partial, ...init }: Omit<InvalidJsonInit, 'partial'> & { partial: object | undefined },
): InvalidJsonError {
  return new InvalidJsonError(`The input of the call of ${name} (${id}) ${problem}`, {
    ...init,
    partial: partial as InvalidJsonInit['partial'],
  });
}

/** Why incomplete JSON ends. */
export function describeStop(stopReason: string | null | undefined): string {
  if (stopReason === 'refusal') return 'the model declined';
  return stopReason ? `the reply stopped at ${stopReason}` : 'the reply has no stop reason';
}
