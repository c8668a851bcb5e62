import { createSlice, type PayloadAction } from '@reduxjs/toolkit';
import { auditFrame, messageState, type StreamEvent } from 'claude-rx';
import type { Epic } from 'redux-observable';
import { filter, map, type Observable, switchMap, takeUntil } from 'rxjs';
import { storable, type StoredState, waiting } from './storable.ts';

export const chat = createSlice({
  name: 'chat',
  initialState: { reply: waiting },
  reducers: {
    ask: (_state, _action: PayloadAction<string>) => ({ reply: waiting }),
    reply: (_state, { payload }: PayloadAction<StoredState>) => ({ reply: payload }),
    stop: ({ reply }) => void (reply.status = 'aborted'),
  },
});

export const askEpic =
  (ask: (prompt: string) => Observable<StreamEvent>): Epic =>
  (actions$) =>
    actions$.pipe(
      filter(chat.actions.ask.match),
      switchMap(({ payload }) =>
        ask(payload).pipe(
          messageState(),
          auditFrame(),
          map((state) => chat.actions.reply(storable(state))),
          takeUntil(actions$.pipe(filter(chat.actions.stop.match))),
        ),
      ),
    );
