import type {
  ContentBlock,
  Message,
  TextCitation,
  ToolUseBlock,
  Usage,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { StreamEvent } from 'claude-rx';
import * as operators from 'claude-rx/operators';
import { filter, type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const events: Observable<StreamEvent>;

test('operators keep the type behind operators that keep the events', () => {
  const later = events.pipe(filter((event) => event.type !== 'ping'));
  expectTypeOf(later.pipe(operators.accumulateMessage())).toEqualTypeOf<Observable<Message>>();
  expectTypeOf(later.pipe(operators.accumulateUsage())).toEqualTypeOf<Observable<Usage>>();
  expectTypeOf(later.pipe(operators.citationsOnly())).toEqualTypeOf<Observable<TextCitation>>();
  expectTypeOf(later.pipe(operators.contentBlocks())).toEqualTypeOf<Observable<ContentBlock>>();
  expectTypeOf(later.pipe(operators.finalMessage())).toEqualTypeOf<Observable<Message>>();
  expectTypeOf(later.pipe(operators.toolUses())).toEqualTypeOf<Observable<ToolUseBlock>>();
});

test('operators refuse what is no event', () => {
  const text = of('Hello');
  // @ts-expect-error: a string is no event.
  text.pipe(operators.accumulateMessage());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.accumulateText());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.accumulateUsage());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.citationsOnly());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.contentBlocks());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.finalMessage());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.finalText());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.messageState());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.textOnly());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.thinkingOnly());
  // @ts-expect-error: a string is no event.
  text.pipe(operators.toolUses());
});
