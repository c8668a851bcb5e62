import type {
  BetaRawContentBlockDeltaEvent,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  RawContentBlockStopEvent,
  RawMessageDeltaEvent,
  RawMessageStartEvent,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, PingEvent, ResumeEvent, StreamEvent } from 'claude-rx';
import { eventsOfType } from 'claude-rx/operators/eventsOfType';
import { map, type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;

test('eventsOfType narrows to one type', () => {
  expectTypeOf(raw.pipe(eventsOfType('message_start'))).toEqualTypeOf<
    Observable<RawMessageStartEvent>
  >();
  expectTypeOf(events.pipe(eventsOfType('resume'))).toEqualTypeOf<Observable<ResumeEvent>>();
  expectTypeOf(betaRaw.pipe(eventsOfType('content_block_delta'))).toEqualTypeOf<
    Observable<BetaRawContentBlockDeltaEvent>
  >();
  expectTypeOf(betaEvents.pipe(eventsOfType('ping'))).toEqualTypeOf<Observable<PingEvent>>();
});

test('eventsOfType narrows to several types', () => {
  expectTypeOf(events.pipe(eventsOfType('message_delta', 'content_block_stop'))).toEqualTypeOf<
    Observable<RawMessageDeltaEvent | RawContentBlockStopEvent>
  >();
});

test('eventsOfType lets the next operator see the narrowed type', () => {
  const ids = events.pipe(
    eventsOfType('message_start'),
    map((event) => event.message.id),
  );
  expectTypeOf(ids).toEqualTypeOf<Observable<string>>();
});

test('eventsOfType refuses a name that is no type of the events, and no name at all', () => {
  // @ts-expect-error: a name with a typing error.
  events.pipe(eventsOfType('message_begin'));
  // @ts-expect-error: the SDK's own events hold no ping.
  raw.pipe(eventsOfType('ping'));
  // @ts-expect-error: no type.
  events.pipe(eventsOfType());
  // @ts-expect-error: a string is no event.
  of('Hello').pipe(eventsOfType('message_start'));
});
