import type { UIMessage, UIMessageChunk } from 'ai';
import type { StreamEvent } from 'claude-rx';
import type { ToolAnswer, ToolEvent } from 'claude-rx/tools';
import { fromUiMessages, toUiMessages, type UiMessageChunk, type UiRequest } from 'claude-rx/ui';
import type { Observable } from 'rxjs';
import { describe, expectTypeOf, it } from 'vitest';

declare const reply$: Observable<StreamEvent>;
declare const loop$: Observable<StreamEvent | ToolEvent>;
declare const messages: UIMessage[];

describe('claude-rx/ui', () => {
  it('takes replies and loops, and gives chunks of the AI SDK', () => {
    expectTypeOf(reply$.pipe(toUiMessages())).toEqualTypeOf<Observable<UiMessageChunk>>();
    expectTypeOf(loop$.pipe(toUiMessages())).toEqualTypeOf<Observable<UiMessageChunk>>();
    expectTypeOf<UiMessageChunk>().toExtend<UIMessageChunk>();
    // @ts-expect-error -- not a boolean
    toUiMessages({ dynamic: 'yes' });
  });

  it('takes the messages of the AI SDK', () => {
    expectTypeOf(fromUiMessages(messages)).toEqualTypeOf<UiRequest>();
    expectTypeOf<UiRequest['answers']>().toEqualTypeOf<ToolAnswer[] | undefined>();
    // @ts-expect-error -- not messages
    fromUiMessages([{ role: 'user', content: 'Hi' }]);
  });
});
