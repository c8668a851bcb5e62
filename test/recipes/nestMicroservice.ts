import { Controller, Inject } from '@nestjs/common';
import { type ClientProxy, EventPattern, MessagePattern } from '@nestjs/microservices';
import { type ErrorFrame, errorEvent, requireMessageStop, type StreamEvent } from 'claude-rx';
import { catchError, defer, filter, finalize, type Observable, of, Subject, takeUntil } from 'rxjs';

interface Question {
  id: string;
  prompt: string;
}

export const MODEL = Symbol('model');
export type Model = (prompt: string) => Observable<StreamEvent>;

@Controller()
export class ReplyController {
  readonly #stopped = new Subject<string>();
  readonly #model: Model;

  constructor(@Inject(MODEL) model: Model) {
    this.#model = model;
  }

  @MessagePattern('ask')
  ask({ id, prompt }: Question): Observable<StreamEvent | ErrorFrame> {
    return this.#model(prompt).pipe(
      // An exception would arrive as "Internal server error"; the event keeps its code.
      catchError((error: unknown) => of(errorEvent(error))),
      takeUntil(this.#stopped.pipe(filter((stopped) => stopped === id))),
    );
  }

  @EventPattern('stop')
  stop(id: string): void {
    this.#stopped.next(id);
  }
}

/** In the other service: the reply, which is aborted by unsubscribing, and has the errors' codes. */
export const askService = (client: ClientProxy, prompt: string): Observable<StreamEvent> =>
  defer(() => {
    const id = crypto.randomUUID();
    return client.send<StreamEvent, Question>('ask', { id, prompt }).pipe(
      finalize(() => client.emit('stop', id)),
      requireMessageStop(),
    );
  });
