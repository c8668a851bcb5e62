import type { IncrementalJsonParserConfig } from '../json/IncrementalJsonParser.ts';
import { JsonText } from '../json/JsonText.ts';
import type { JsonValue } from '../json/JsonValue.ts';
import { describeIssues, type StandardIssue } from '../json/StandardSchema.ts';
import { describeStop, InvalidJsonError, type InvalidJsonInit } from './InvalidJsonError.ts';
import { MessageBuilder } from './MessageBuilder.ts';
import { arrivingText, messageText, replacesText } from './messageText.ts';
import type { AnyStreamEvent } from './StreamEvent.ts';

/** The JSON that the text of a reply is: its text blocks, with nothing between them. */
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

  /** Takes the next event in, and says whether the text began anew. */
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
   * The whole value, when the reply is over.
   *
   * @throws InvalidJsonError when the text is cut or malformed, or the model declined
   */
  end(): JsonValue {
    // A number at the very end may have lacked digits.
    const mayBeCut = this.#wasStopped && !this.#json.complete;
    try {
      const value = this.#json.end();
      if (this.#stopReason !== 'refusal' && !mayBeCut) return value;
    } catch (cause) {
      throw this.#error((cause as Error).message, { cause });
    }
    throw this.#error('what there is of it may be cut');
  }

  /** The error for a value that is not what was asked for. */
  refused(value: unknown, issues: readonly StandardIssue[]): InvalidJsonError {
    const problem = `it is not what the schema wants: ${describeIssues(issues)}`;
    return this.#error(problem, { value, issues });
  }

  get #stopReason(): string | undefined {
    return this.#builder.message?.stop_reason ?? undefined;
  }

  /** Whether the model ended for another reason than that it was done. */
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
