import { type BetaStreamEvent, textOnly } from 'claude-rx';
import { type AgentMessage, streamEvents } from 'claude-rx/agent';
import { ClaudeCodeExit, type ClaudeCodeInput, fromClaudeCode } from 'claude-rx/node';
import { type Observable, of, Subject } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

it('emits the messages of an agent', () => {
  const messages = fromClaudeCode({ prompt: 'Hi' });
  expectTypeOf(messages).toEqualTypeOf<Observable<AgentMessage>>();
  expectTypeOf(messages.pipe(streamEvents())).toEqualTypeOf<Observable<BetaStreamEvent>>();
  expectTypeOf(messages.pipe(streamEvents(), textOnly())).toEqualTypeOf<Observable<string>>();
  expectTypeOf(new ClaudeCodeExit(1, null, '').exitCode).toEqualTypeOf<number | null>();
});

it('takes one prompt, or an Observable of prompts', () => {
  fromClaudeCode({ prompts$: of('one', 'two') });
  fromClaudeCode({
    prompts$: new Subject<ClaudeCodeInput>(),
    executable: ['ssh', 'box', 'claude'],
  });
  fromClaudeCode({ prompts$: [{ type: 'control_request', request_id: '1' }, 'Hi'] });
  // @ts-expect-error: neither
  fromClaudeCode({});
  // @ts-expect-error: both
  fromClaudeCode({ prompt: 'Hi', prompts$: of('Hi') });
  // @ts-expect-error: a number is no prompt
  fromClaudeCode({ prompts$: of(1) });
  // @ts-expect-error: no command
  fromClaudeCode({ prompt: 'Hi', executable: [] });
});
