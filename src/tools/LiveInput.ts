import {
  defer,
  distinctUntilChanged,
  filter,
  map,
  type Observable,
  startWith,
  Subject,
} from 'rxjs';
import { JsonText } from '../json/JsonText.ts';
import type { JsonValue } from '../json/JsonValue.ts';

/** The input of a call while the model writes it. It is parsed only if `partial$` is subscribed. */
export class LiveInput {
  readonly #written = new Subject<void>();
  #unread: string[] = [];
  #json: JsonText | undefined;
  #whole: JsonValue | undefined;

  /** Snapshots of the input: the latest on subscription, then each change. */
  readonly partial$: Observable<JsonValue> = defer(() =>
    this.#written.pipe(
      startWith(undefined),
      map(() => this.#value),
      filter((value) => value !== undefined),
      distinctUntilChanged(),
    ),
  );

  /** Adds the next piece of the input text. */
  push(piece: string): void {
    this.#unread.push(piece);
    this.#written.next();
  }

  /** Discards the text so far: the following text replaces it. */
  restart(): void {
    this.#unread = [];
    this.#json = undefined;
  }

  /** Ends the input; `input` is the complete input, if it is known. */
  end(input?: unknown): void {
    if (this.#json === undefined) {
      // There was no subscriber, so the pieces are no longer needed.
      this.#unread = [];
      this.#whole ??= input as JsonValue | undefined;
    }
    this.#written.complete();
  }

  get #value(): JsonValue | undefined {
    if (this.#whole !== undefined) return this.#whole;
    this.#json ??= new JsonText();
    for (const piece of this.#unread) this.#json.push(piece);
    this.#unread = [];
    return this.#json.value;
  }
}
