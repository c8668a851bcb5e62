import type {
  BetaToolUseBlock,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  ToolUseBlock,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { toolUses } from 'claude-rx/operators/toolUses';
import { filter, type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

test('toolUses gives the type that belongs to the events', () => {
  expectTypeOf(raw.pipe(toolUses())).toEqualTypeOf<Observable<ToolUseBlock>>();
  expectTypeOf(events.pipe(toolUses())).toEqualTypeOf<Observable<ToolUseBlock>>();
  expectTypeOf(betaRaw.pipe(toolUses())).toEqualTypeOf<Observable<BetaToolUseBlock>>();
  expectTypeOf(betaEvents.pipe(toolUses())).toEqualTypeOf<Observable<BetaToolUseBlock>>();
  expectTypeOf(anyEvents.pipe(toolUses())).toEqualTypeOf<
    Observable<ToolUseBlock | BetaToolUseBlock>
  >();
});

test('toolUses keeps the type after operators that keep the events', () => {
  const later = events.pipe(
    filter((event) => event.type !== 'ping'),
    toolUses(),
  );
  expectTypeOf(later).toEqualTypeOf<Observable<ToolUseBlock>>();
});

test('toolUses refuses what is no event', () => {
  // @ts-expect-error: a string is no event.
  of('Hello').pipe(toolUses());
});
