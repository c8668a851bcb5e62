import { Component } from '@angular/core';
import { toSignal } from '@angular/core/rxjs-interop';
import {
  auditFrame,
  fromResponse,
  messageState,
  messageTimeout,
  takeUntilAborted,
} from 'claude-rx';
import { Subject, switchMap } from 'rxjs';

@Component({
  selector: 'chat-root',
  template: `
    <input #prompt aria-label="Your message" />
    <button type="button" (click)="prompt$.next(prompt.value)">Send</button>
    @if (state(); as reply) {
      @if (reply.status === 'waiting' || reply.status === 'streaming') {
        <button type="button" (click)="stop()">Stop</button>
      }
      <p id="text">{{ reply.text }}</p>
      <p role="status">{{ reply.status === 'error' ? reply.error.message : reply.status }}</p>
    }
  `,
})
export class FirstReply {
  protected readonly prompt$ = new Subject<string>();
  #stopper = new AbortController();

  protected readonly state = toSignal(
    this.prompt$.pipe(
      switchMap((content) => {
        this.#stopper = new AbortController();
        const body = JSON.stringify({ messages: [{ role: 'user', content }] });
        const headers = { 'content-type': 'application/json' };
        return fromResponse((signal) =>
          fetch('/api/chat', { method: 'POST', headers, body, signal }),
        ).pipe(
          messageTimeout({ liveness: 30_000 }),
          takeUntilAborted(this.#stopper.signal),
          messageState(),
          auditFrame(),
        );
      }),
    ),
  );

  protected stop(): void {
    this.#stopper.abort();
  }
}
