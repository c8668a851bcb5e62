import { Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, type WsResponse } from '@nestjs/websockets';
import { type ErrorFrame, errorEvent, requireMessageStop, type StreamEvent } from 'claude-rx';
import { catchError, defer, filter, map, type Observable, of, Subject, takeUntil } from 'rxjs';
import type { WebSocketSubject } from 'rxjs/webSocket';
import { MODEL, type Model } from './nestMicroservice.ts';

interface Part {
  id: string;
  event: StreamEvent | ErrorFrame;
}

@WebSocketGateway()
export class ReplyGateway {
  readonly #stopped = new Subject<string>();
  readonly #model: Model;

  constructor(@Inject(MODEL) model: Model) {
    this.#model = model;
  }

  @SubscribeMessage('ask')
  ask(_socket: unknown, question: { id: string; prompt: string }): Observable<WsResponse<Part>> {
    const { id, prompt } = question;
    return this.#model(prompt).pipe(
      catchError((error: unknown) => of(errorEvent(error))),
      takeUntil(this.#stopped.pipe(filter((stopped) => stopped === id))),
      map((event) => ({ event: 'reply', data: { id, event } })),
    );
  }

  @SubscribeMessage('stop')
  stop(_socket: unknown, id: string): void {
    this.#stopped.next(id);
  }
}

/** In the page: a reply over a socket that carries many. */
export const askGateway = (
  socket: WebSocketSubject<any>,
  prompt: string,
): Observable<StreamEvent> =>
  defer(() => {
    const id = crypto.randomUUID();
    const parts$: Observable<{ data: Part }> = socket.multiplex(
      () => ({ event: 'ask', data: { id, prompt } }),
      () => ({ event: 'stop', data: id }),
      (message) => message.event === 'reply' && message.data.id === id,
    );
    return parts$.pipe(
      map(({ data }) => data.event as StreamEvent),
      requireMessageStop(),
    );
  });
