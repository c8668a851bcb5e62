import { AbstractAgent } from '@ag-ui/client';
import type { BaseEvent, RunAgentInput } from '@ag-ui/core';
import type { MessageParam } from '@anthropic-ai/sdk/resources/messages/messages';
import type { BetaStreamEvent, StreamEvent } from 'claude-rx';
import { AG_UI_SSE, type AgUiEvent, fromRunInput, toAgUi } from 'claude-rx/ag-ui';
import type { ToolAnswer, ToolEvent } from 'claude-rx/tools';
import { toSseResponse } from 'claude-rx';
import type { Observable } from 'rxjs';
import { expectTypeOf, test } from 'vitest';

declare const input: RunAgentInput;
declare const reply$: Observable<StreamEvent>;
declare const loop$: Observable<BetaStreamEvent | ToolEvent<BetaStreamEvent>>;

test('toAgUi takes the events of any reply or loop, and gives those of AG-UI', () => {
  expectTypeOf(reply$.pipe(toAgUi(input))).toEqualTypeOf<Observable<AgUiEvent>>();
  expectTypeOf(loop$.pipe(toAgUi(input))).toEqualTypeOf<Observable<AgUiEvent>>();
  expectTypeOf(reply$.pipe(toAgUi({ threadId: 't', runId: 'r' }))).toExtend<
    Observable<BaseEvent>
  >();
  // @ts-expect-error -- a run has a thread
  toAgUi({ runId: 'r' });
});

test('an agent runs it', () => {
  class Agent extends AbstractAgent {
    run(given: RunAgentInput) {
      return reply$.pipe(toAgUi(given));
    }
  }
  expectTypeOf<Agent>().toExtend<AbstractAgent>();
});

test('the events go to a sink', () => {
  expectTypeOf(toSseResponse(reply$.pipe(toAgUi(input)), AG_UI_SSE)).toEqualTypeOf<Response>();
});

test('fromRunInput gives the parts of a request', () => {
  const { messages, system, answers } = fromRunInput(input);
  expectTypeOf(messages).toEqualTypeOf<MessageParam[]>();
  expectTypeOf(system).toEqualTypeOf<string | undefined>();
  expectTypeOf(answers).toEqualTypeOf<ToolAnswer[]>();
});
