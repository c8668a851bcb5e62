import type Anthropic from '@anthropic-ai/sdk';
import { fromMessages, fromResponse } from 'claude-rx';
import { toSse, type ToSseConfig } from 'claude-rx/operators/toSse';
import { type Observable, of, VirtualTimeScheduler } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;

it('takes events of any kind and gives text', () => {
  const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [] };
  const frames = fromResponse(() => fetch('/')).pipe(toSse());
  expectTypeOf(frames).toEqualTypeOf<Observable<string>>();
  fromMessages(client.beta, params).pipe(toSse());
  of({ type: 'tool_start', name: 'get_weather' }).pipe(toSse());
  // @ts-expect-error: text is no event
  of('text').pipe(toSse());
});

it('takes a config, or nothing', () => {
  expectTypeOf(toSse).parameter(0).toEqualTypeOf<ToSseConfig | undefined>();
  toSse({ id: false, heartbeat: Infinity, scheduler: new VirtualTimeScheduler() });
  toSse({ id: (event, index) => `${event.type}${index}` });
  // @ts-expect-error: an id is no number for all
  toSse({ id: 7 });
});
