import type { BetaRawMessageStreamEvent } from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type { RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages/messages';
import { type BetaStreamEvent, type StreamEvent, textOnly, type Valve } from 'claude-rx';
import { messageTimeout, type MessageTimeoutConfig } from 'claude-rx/operators/messageTimeout';
import { asyncScheduler, NEVER, type Observable, of, type SchedulerLike } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

const source = <T>(): Observable<T> => NEVER;

it('gives what it is given, whichever events these are', () => {
  const timeout = { liveness: 30_000 };
  expectTypeOf(source<StreamEvent>().pipe(messageTimeout(timeout))).toEqualTypeOf<
    Observable<StreamEvent>
  >();
  expectTypeOf(source<BetaStreamEvent>().pipe(messageTimeout(timeout))).toEqualTypeOf<
    Observable<BetaStreamEvent>
  >();
  expectTypeOf(source<RawMessageStreamEvent>().pipe(messageTimeout(timeout))).toEqualTypeOf<
    Observable<RawMessageStreamEvent>
  >();
  expectTypeOf(source<BetaRawMessageStreamEvent>().pipe(messageTimeout(timeout))).toEqualTypeOf<
    Observable<BetaRawMessageStreamEvent>
  >();
});

it('goes before operators that select', () => {
  const text = source<StreamEvent>().pipe(messageTimeout({ progress: 1 }), textOnly());
  expectTypeOf(text).toEqualTypeOf<Observable<string>>();
});

it('takes limits in milliseconds, each optional', () => {
  expectTypeOf<MessageTimeoutConfig>().toEqualTypeOf<{
    first?: number;
    liveness?: number;
    progress?: number;
    total?: number;
    valve?: Pick<Valve, 'open$'>;
    keepContent?: boolean;
    scheduler?: SchedulerLike;
  }>();
  messageTimeout({ first: 1, liveness: 2, progress: 3, total: 4, scheduler: asyncScheduler });
  // @ts-expect-error: a config is needed
  expectTypeOf(messageTimeout).toBeCallableWith();
  // @ts-expect-error: the option is called `first`
  expectTypeOf(messageTimeout).toBeCallableWith({ firstChunk: 1 });
});

it('refuses what is no event', () => {
  // @ts-expect-error: text is no event
  of('text').pipe(messageTimeout({ total: 1 }));
});
