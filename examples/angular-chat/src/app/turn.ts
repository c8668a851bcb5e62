import type { WritableSignal } from '@angular/core';
import type { Fault } from './chat-api';
import type { ReplyView } from './reply-view';

/** What was asked, and what is answered. */
export interface Turn {
  readonly id: number;
  readonly prompt: string;
  readonly fault: Fault | undefined;
  readonly reply: WritableSignal<ReplyView>;
}
