import { Injectable } from '@angular/core';
import type Anthropic from '@anthropic-ai/sdk';
import { fromResponse, type MessageOf, messageTimeout, type StreamEvent } from 'claude-rx';
import type { Observable } from 'rxjs';

/** What can be made to go wrong, to see it recover. */
export type Fault = 'cut' | 'stall' | 'slow' | 'overloaded';

export interface ChatRequest {
  messages: readonly Anthropic.MessageParam[];
  /** What there is of the reply already: the answer is the rest of it. */
  partial?: MessageOf<StreamEvent>;
  fault?: Fault;
}

/** The service sends a comment at least every 20 seconds, whatever Claude does. */
const LIVENESS = 30_000;

/** The service, which has the key. */
@Injectable({ providedIn: 'root' })
export class ChatApi {
  /** The reply. Each subscription is a request, and leaving it aborts the request. */
  ask(request: ChatRequest): Observable<StreamEvent> {
    const body = JSON.stringify(request);
    const headers = { 'content-type': 'application/json' };
    return fromResponse((signal) =>
      fetch('/api/chat', { method: 'POST', headers, body, signal }),
    ).pipe(messageTimeout({ liveness: LIVENESS }));
  }
}
