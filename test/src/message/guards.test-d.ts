import type {
  BetaCitationsDelta,
  BetaRawMessageStreamEvent,
  BetaTextDelta,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  CitationsDelta,
  InputJSONDelta,
  RawMessageStreamEvent,
  SignatureDelta,
  TextDelta,
  ThinkingDelta,
} from '@anthropic-ai/sdk/resources/messages/messages';
import { filter, map, type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import {
  type DeltaEvent,
  isCitationsDelta,
  isInputJsonDelta,
  isSignatureDelta,
  isTextDelta,
  isThinkingDelta,
} from '../../../src/message/guards.ts';
import type {
  AnyStreamEvent,
  BetaStreamEvent,
  StreamEvent,
} from '../../../src/message/StreamEvent.ts';

test('a guard narrows the delta of any kind of event', () => {
  const raw = {} as RawMessageStreamEvent;
  if (isTextDelta(raw)) expectTypeOf(raw.delta).toEqualTypeOf<TextDelta>();
  const event = {} as StreamEvent;
  if (isTextDelta(event)) expectTypeOf(event.delta).toEqualTypeOf<TextDelta>();
  const betaRaw = {} as BetaRawMessageStreamEvent;
  if (isTextDelta(betaRaw)) expectTypeOf(betaRaw.delta).toEqualTypeOf<BetaTextDelta>();
  const beta = {} as BetaStreamEvent;
  if (isCitationsDelta(beta)) expectTypeOf(beta.delta).toEqualTypeOf<BetaCitationsDelta>();
  const any = {} as AnyStreamEvent;
  if (isTextDelta(any)) expectTypeOf(any.delta.text).toEqualTypeOf<string>();
});

test('each guard narrows to its own delta', () => {
  const event = {} as StreamEvent;
  if (isThinkingDelta(event)) expectTypeOf(event.delta).toEqualTypeOf<ThinkingDelta>();
  else if (isSignatureDelta(event)) expectTypeOf(event.delta).toEqualTypeOf<SignatureDelta>();
  else if (isInputJsonDelta(event)) expectTypeOf(event.delta).toEqualTypeOf<InputJSONDelta>();
  else if (isCitationsDelta(event)) expectTypeOf(event.delta).toEqualTypeOf<CitationsDelta>();
});

test('an event that a guard refuses keeps its type', () => {
  const event = {} as StreamEvent;
  if (!isTextDelta(event)) expectTypeOf(event).toEqualTypeOf<StreamEvent>();
});

test('a guard narrows in a filter', () => {
  const events = {} as Observable<StreamEvent>;
  const texts = events.pipe(
    filter(isTextDelta),
    map((event) => event.delta.text),
  );
  expectTypeOf(texts).toEqualTypeOf<Observable<string>>();
});

test('DeltaEvent is the event of a delta', () => {
  expectTypeOf<DeltaEvent<StreamEvent, 'text_delta'>['delta']>().toEqualTypeOf<TextDelta>();
  expectTypeOf<DeltaEvent<StreamEvent, 'text_delta'>['index']>().toEqualTypeOf<number>();
});
