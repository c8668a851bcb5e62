import type Anthropic from '@anthropic-ai/sdk';
import { fromSession, type SessionEvent } from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;

it('takes an SDK client, and gives events that are told apart by their type', () => {
  const events = fromSession(client, 'sesn_1', { previews: ['agent.message'], thread: 'sthr_1' });
  expectTypeOf(events).toEqualTypeOf<Observable<SessionEvent>>();
  events.subscribe((event) => {
    if (event.type === 'agent.message') expectTypeOf(event.id).toEqualTypeOf<string>();
    if (event.type === 'event_delta') expectTypeOf(event.event_id).toEqualTypeOf<string>();
  });
  // @ts-expect-error: a preview of something else
  fromSession(client, 'sesn_1', { previews: ['agent.tool_use'] });
  // @ts-expect-error: no client
  fromSession({}, 'sesn_1');
});
