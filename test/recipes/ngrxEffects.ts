import { inject, InjectionToken } from '@angular/core';
import { Actions, createEffect, ofType } from '@ngrx/effects';
import {
  createActionGroup,
  createFeature,
  createReducer,
  emptyProps,
  on,
  props,
} from '@ngrx/store';
import { auditFrame, messageState, type StreamEvent } from 'claude-rx';
import { map, type Observable, switchMap, takeUntil } from 'rxjs';
import { storable, type StoredState, waiting } from './storable.ts';

/** Asks the service: `fromResponse((signal) => fetch('/api/chat', { signal, ... }))`. */
export const ASK = new InjectionToken<(prompt: string) => Observable<StreamEvent>>('ask');

export const ChatActions = createActionGroup({
  source: 'Chat',
  events: {
    Ask: props<{ prompt: string }>(),
    Stop: emptyProps(),
    Reply: props<{ reply: StoredState }>(),
  },
});

export const chatFeature = createFeature({
  name: 'chat',
  reducer: createReducer(
    { reply: waiting },
    on(ChatActions.ask, () => ({ reply: waiting })),
    on(ChatActions.reply, (_state, { reply }) => ({ reply })),
    on(ChatActions.stop, ({ reply }) => ({ reply: { ...reply, status: 'aborted' as const } })),
  ),
});

export const ask$ = createEffect(
  (actions$ = inject(Actions), ask = inject(ASK)) =>
    actions$.pipe(
      ofType(ChatActions.ask),
      switchMap(({ prompt }) =>
        ask(prompt).pipe(
          messageState(),
          auditFrame(),
          map((state) => ChatActions.reply({ reply: storable(state) })),
          takeUntil(actions$.pipe(ofType(ChatActions.stop))),
        ),
      ),
    ),
  { functional: true },
);
