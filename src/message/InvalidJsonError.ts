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
  /** The text as it came. */
  text: string;
  /** What could be read of it. */
  value: unknown;
  /** Why the model stopped, where that is the reason. */
  stopReason?: string | undefined;
  /** What the schema says, where the JSON itself is whole. */
  issues?: readonly StandardIssue[] | undefined;
}

/** How much of the text goes into a log. */
const LOGGED = 1_000;

/**
 * JSON that the model wrote is cut, malformed, or not what the schema wants.
 *
 * Its `code` is `invalid_json`, or `refusal` where the model declined instead of writing it.
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
  /** The text as it came; of a whole input that `toolUses` checked, its JSON. */
  readonly text: string;
  /** What could be read of it: an unfinished value, or the value that the schema refused. */
  readonly value: unknown;
  /** Why the model stopped, where that is the reason. */
  declare readonly stopReason?: string;
  /** What the schema says, where the JSON itself is whole. */
  declare readonly issues?: readonly StandardIssue[];

  constructor(message: string, init: InvalidJsonInit) {
    const { text, value, stopReason, issues, ...rest } = init;
    super(message, { ...rest, code: stopReason === 'refusal' ? 'refusal' : 'invalid_json' });
    this.text = text;
    this.value = value;
    if (stopReason !== undefined) this.stopReason = stopReason;
    if (issues !== undefined) this.issues = issues;
  }

  /** For logs that write JSON: without the value, and with the beginning of a long text. */
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

/** The error for a call whose input may not be used. */
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

/** Why JSON that is not whole does not go on. */
export function describeStop(stopReason: string | null | undefined): string {
  if (stopReason === 'refusal') return 'the model declined';
  return stopReason ? `the reply stopped at ${stopReason}` : 'the reply has no stop reason';
}
