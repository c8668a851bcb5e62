import { inject } from '@angular/core';
import { patchState, signalStore, withMethods, withState } from '@ngrx/signals';
import { rxMethod } from '@ngrx/signals/rxjs-interop';
import { auditFrame, messageState } from 'claude-rx';
import { Subject, switchMap, takeUntil, tap } from 'rxjs';
import { ASK } from './ngrxEffects.ts';
import { storable, waiting } from './storable.ts';

export const ChatStore = signalStore(
  withState({ reply: waiting }),
  withMethods((store, ask = inject(ASK), stopped$ = new Subject<void>()) => ({
    ask: rxMethod<string>(
      switchMap((prompt) =>
        ask(prompt).pipe(
          messageState(),
          auditFrame(),
          tap((state) => patchState(store, { reply: storable(state) })),
          takeUntil(stopped$),
        ),
      ),
    ),
    stop(): void {
      stopped$.next();
      patchState(store, ({ reply }) => ({ reply: { ...reply, status: 'aborted' as const } }));
    },
  })),
);
