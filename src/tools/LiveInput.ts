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

  end(): void {
    this.#written.complete();
  }

  get #value(): JsonValue | undefined {
    this.#json ??= new JsonText();
    for (const piece of this.#unread) this.#json.push(piece);
    this.#unread = [];
    return this.#json.value;
  }
}
