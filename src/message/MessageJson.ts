import type { IncrementalJsonParserConfig } from '../json/IncrementalJsonParser.ts';
import { JsonText } from '../json/JsonText.ts';
import type { JsonValue } from '../json/JsonValue.ts';
import { describeIssues, type StandardIssue } from '../json/StandardSchema.ts';
import { describeStop, InvalidJsonError, type InvalidJsonInit } from './InvalidJsonError.ts';
import { MessageBuilder } from './MessageBuilder.ts';
import { arrivingText, messageText, replacesText } from './messageText.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** Reads the text of a reply as JSON: the text blocks, joined without a separator. */
export class MessageJson {
  readonly #config: IncrementalJsonParserConfig | undefined;
  readonly #builder: MessageBuilder<AnyStreamEvent> = new MessageBuilder<AnyStreamEvent>();
  #json: JsonText;

  constructor(config?: IncrementalJsonParserConfig) {
    this.#config = config;
    this.#json = new JsonText(config);
  }

  /** The value so far. */
  get value(): JsonValue | undefined {
    return this.#json.value;
  }

  /** Adds the next event; returns whether the text started again. */
  push(event: AnyStreamEvent): boolean {
    this.#builder.push(event);
    if (!replacesText(event)) {
      const piece = arrivingText(event);
      if (piece !== '') this.#json.push(piece);
      return false;
    }
    const text = messageText(this.#builder.message);
    const before = this.#json.text;
    if (text === before) return false;
    this.#json = new JsonText(this.#config);
    this.#json.push(text);
    return before !== '';
  }

  takeElements(): JsonValue[] {
    return this.#json.takeElements();
  }

  /**
   * The complete value, at the end of the reply.
   *
   * @throws InvalidJsonError when the text is cut off or malformed, or the model declined
   */
  end(): JsonValue {
    // A number at the very end may lack digits.
    const mayBeCut = this.#wasStopped && !this.#json.complete;
    try {
      const value = this.#json.end();
      if (this.#stopReason !== 'refusal' && !mayBeCut) return value;
    } catch (cause) {
      throw this.#error((cause as Error).message, { cause });
    }
    throw this.#error('it may be cut off');
  }

  /** The error for a value that does not match the schema. */
  refused(value: unknown, issues: readonly StandardIssue[]): InvalidJsonError {
    const problem = `it does not match the schema: ${describeIssues(issues)}`;
    return this.#error(problem, { value, issues });
  }

  get #stopReason(): string | undefined {
    return this.#builder.message?.stop_reason ?? undefined;
  }

  /** Whether the stop reason is not `end_turn`. */
  get #wasStopped(): boolean {
    return this.#stopReason !== 'end_turn';
  }

  #error(problem: string, init: Partial<InvalidJsonInit> = {}): InvalidJsonError {
    const wasStopped = this.#wasStopped;
    const reason = wasStopped ? `${describeStop(this.#stopReason)}: ` : '';
    return new InvalidJsonError(`The JSON of the reply is not valid: ${reason}${problem}`, {
      text: this.#json.text,
      value: this.value,
      stopReason: wasStopped ? this.#stopReason : undefined,
      partial: this.#builder.message as InvalidJsonInit['partial'],
      ...init,
    });
  }
}
