import { ApplicationRef, computed, DestroyRef, inject, Injectable, signal } from '@angular/core';
import { takeUntilDestroyed } from '@angular/core/rxjs-interop';
import { EMPTY, type Observable, Subject, switchMap, tap } from 'rxjs';
import { ChatApi, type ChatRequest, type Fault } from './chat-api';
import { messagesFor } from './history';
import { replyView, type ReplyView, WAITING } from './reply-view';
import { restoreTurns, saveTurns } from './saved-turns';
import type { Turn } from './turn';

/** The conversation. It is kept in the page, and in the session storage of the tab over a reload. */
@Injectable({ providedIn: 'root' })
export class Chat {
  readonly #app = inject(ApplicationRef);
  readonly #api = inject(ChatApi);
  readonly #runs = new Subject<{ turn: Turn; isCarriedOn: boolean } | undefined>();
  #stop = new AbortController();

  readonly turns = signal<readonly Turn[]>(restoreTurns());
  readonly isBusy = computed(() => {
    const status = this.turns().at(-1)?.reply().status;
    return status === 'waiting' || status === 'streaming';
  });

  constructor() {
    this.#runs
      .pipe(
        // One reply at a time: a new one unsubscribes the one before, which aborts its request.
        switchMap((run) => (run ? this.#follow(run.turn, run.isCarriedOn) : EMPTY)),
        takeUntilDestroyed(),
      )
      .subscribe();
    const save = () => saveTurns(this.turns());
    addEventListener('pagehide', save);
    inject(DestroyRef).onDestroy(() => removeEventListener('pagehide', save));
  }

  send(prompt: string, fault?: Fault): void {
    this.#start({ id: this.turns().length, prompt, fault });
  }

  /** Asks again, with the same prompt or an edited one. The turns after it are removed. */
  regenerate({ id }: Turn, prompt: string): void {
    this.#start({ id, prompt, fault: undefined });
  }

  /** Ends the reply, and keeps what there is of it. */
  stop(): void {
    this.#stop.abort();
  }

  /** Tries a reply again that failed or was stopped: what there is of it stands, and is carried on. */
  retry(turn: Turn): void {
    this.#runs.next({ turn, isCarriedOn: true });
  }

  clear(): void {
    this.#runs.next(undefined);
    this.turns.set([]);
  }

  #start(asked: Omit<Turn, 'reply'>): void {
    const turn: Turn = { ...asked, reply: signal(WAITING) };
    this.turns.update((turns) => [...turns.filter(({ id }) => id < turn.id), turn]);
    this.#runs.next({ turn, isCarriedOn: false });
  }

  #follow(turn: Turn, isCarriedOn: boolean): Observable<ReplyView> {
    const previous = isCarriedOn ? turn.reply().message : undefined;
    this.#stop = new AbortController();
    turn.reply.update((view) => ({ ...view, status: 'waiting', error: undefined }));
    return replyView({
      request: this.#requestFor(turn, isCarriedOn),
      ask: (request) => this.#api.ask(request),
      previous,
      signal: this.#stop.signal,
      isPlain: matchMedia('(prefers-reduced-motion: reduce)').matches,
    }).pipe(
      tap((view) => {
        turn.reply.set(view);
        // In the frame that it came in: Angular by itself would do it in a task of its own, which may
        // come so late that the next frame has two.
        this.#app.tick();
      }),
    );
  }

  #requestFor(turn: Turn, isCarriedOn: boolean): ChatRequest {
    const before = this.turns()
      .filter(({ id }) => id < turn.id)
      .map(({ prompt, reply }) => {
        const { message, status } = reply();
        return { prompt, reply: message, isWhole: status === 'complete' };
      });
    const messages = messagesFor(before, turn.prompt);
    // A fault is over when one tries again.
    return turn.fault && !isCarriedOn ? { messages, fault: turn.fault } : { messages };
  }
}
