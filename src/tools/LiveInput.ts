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

/** The input of a call while it is written. It is read only where somebody looks. */
export class LiveInput {
  readonly #written = new Subject<void>();
  #unread: string[] = [];
  #json: JsonText | undefined;
  #whole: JsonValue | undefined;

  /** Snapshots: the latest, then each that differs. */
  readonly partial$: Observable<JsonValue> = defer(() =>
    this.#written.pipe(
      startWith(undefined),
      map(() => this.#value),
      filter((value) => value !== undefined),
      distinctUntilChanged(),
    ),
  );

  /** Takes in the next piece of its text. */
  push(piece: string): void {
    this.#unread.push(piece);
    this.#written.next();
  }

  /** Forgets what came: the text that comes now replaces it. */
  restart(): void {
    this.#unread = [];
    this.#json = undefined;
  }

  /** Nothing more comes; `input` is all of it, where it is known. */
  end(input?: unknown): void {
    if (this.#json === undefined) {
      // Nobody has looked, and nobody needs the pieces any more.
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
