import type Anthropic from '@anthropic-ai/sdk';
import { finalMessage, fromStream, type StreamEvent } from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
declare const params: Anthropic.MessageCreateParamsNonStreaming;

it('gives the events of the stream it is given', () => {
  type Raw = Observable<Anthropic.RawMessageStreamEvent>;
  const streaming = { ...params, stream: true as const };
  expectTypeOf(fromStream(client.messages.stream(params))).toEqualTypeOf<Raw>();
  expectTypeOf(fromStream(() => client.messages.stream(params))).toEqualTypeOf<Raw>();
  expectTypeOf(fromStream(client.messages.create(streaming))).toEqualTypeOf<Raw>();
  expectTypeOf(
    fromStream((signal) => client.messages.create(streaming, { signal })),
  ).toEqualTypeOf<Raw>();
  expectTypeOf(fromStream({} as AsyncIterable<StreamEvent>)).toEqualTypeOf<
    Observable<StreamEvent>
  >();
});

it('gives beta events of a beta stream', () => {
  const reply = fromStream(() => client.beta.messages.stream({ ...params, betas: [] }));
  expectTypeOf(reply).toEqualTypeOf<Observable<Anthropic.Beta.BetaRawMessageStreamEvent>>();
  expectTypeOf(reply.pipe(finalMessage())).toEqualTypeOf<Observable<Anthropic.Beta.BetaMessage>>();
});

it('refuses a stream of something else', () => {
  // @ts-expect-error: numbers are no events
  fromStream({} as AsyncIterable<number>);
});
