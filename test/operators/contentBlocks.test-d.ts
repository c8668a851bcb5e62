import type {
  BetaContentBlock,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  ContentBlock,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { contentBlocks } from 'claude-rx/operators/contentBlocks';
import { type Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const raw: Observable<RawMessageStreamEvent>;
declare const events: Observable<StreamEvent>;
declare const betaRaw: Observable<BetaRawMessageStreamEvent>;
declare const betaEvents: Observable<BetaStreamEvent>;
declare const anyEvents: Observable<AnyStreamEvent>;

test('contentBlocks gives the type that belongs to the events', () => {
  expectTypeOf(raw.pipe(contentBlocks())).toEqualTypeOf<Observable<ContentBlock>>();
  expectTypeOf(events.pipe(contentBlocks())).toEqualTypeOf<Observable<ContentBlock>>();
  expectTypeOf(betaRaw.pipe(contentBlocks())).toEqualTypeOf<Observable<BetaContentBlock>>();
  expectTypeOf(betaEvents.pipe(contentBlocks())).toEqualTypeOf<Observable<BetaContentBlock>>();
  expectTypeOf(anyEvents.pipe(contentBlocks())).toEqualTypeOf<
    Observable<ContentBlock | BetaContentBlock>
  >();
});
