import type {
  BetaToolUseBlock,
  BetaRawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/beta/messages/messages';
import type {
  ToolUseBlock,
  RawMessageStreamEvent,
} from '@anthropic-ai/sdk/resources/messages/messages';
import type { AnsweredStopReason, AnyStreamEvent, BetaStreamEvent, StreamEvent } from 'claude-rx';
import { type CheckedToolUse, toolUses, type ToolUsesConfig } from 'claude-rx/operators/toolUses';
import { type Observable, of } from 'rxjs';
import { expectTypeOf, test } from 'vitest';
import { z } from 'zod';

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

const schemas = {
  get_weather: z.object({ city: z.string(), days: z.number().default(1) }),
  get_time: z.object({ zone: z.string().transform((zone) => zone.length) }),
};
type Checked<E extends AnyStreamEvent> = Observable<CheckedToolUse<E, typeof schemas>>;

test('toolUses with schemas gives a union that is told apart by name', () => {
  events.pipe(toolUses(schemas)).subscribe((call) => {
    expectTypeOf(call.id).toEqualTypeOf<string>();
    expectTypeOf(call.type).toEqualTypeOf<'tool_use'>();
    expectTypeOf(call.name).toEqualTypeOf<'get_weather' | 'get_time'>();
    expectTypeOf(call.caller).toEqualTypeOf<ToolUseBlock['caller']>();
    switch (call.name) {
      case 'get_weather':
        expectTypeOf(call.input).toEqualTypeOf<{ city: string; days: number }>();
        return;
      case 'get_time':
        expectTypeOf(call.input).toEqualTypeOf<{ zone: number }>();
        return;
      default:
        expectTypeOf(call).toEqualTypeOf<never>();
    }
  });
});

test('toolUses with schemas takes events of each kind', () => {
  expectTypeOf(raw.pipe(toolUses(schemas))).toEqualTypeOf<Checked<RawMessageStreamEvent>>();
  expectTypeOf(events.pipe(toolUses(schemas))).toEqualTypeOf<Checked<StreamEvent>>();
  expectTypeOf(betaRaw.pipe(toolUses(schemas))).toEqualTypeOf<Checked<BetaRawMessageStreamEvent>>();
  expectTypeOf(betaEvents.pipe(toolUses(schemas))).toEqualTypeOf<Checked<BetaStreamEvent>>();
  expectTypeOf(anyEvents.pipe(toolUses(schemas))).toEqualTypeOf<Checked<AnyStreamEvent>>();
  betaEvents.pipe(toolUses(schemas)).subscribe((call) => {
    expectTypeOf(call.caller).toEqualTypeOf<BetaToolUseBlock['caller']>();
    if (call.name === 'get_time') expectTypeOf(call.input).toEqualTypeOf<{ zone: number }>();
  });
});

test('toolUses refuses what is no schema, and what is no event', () => {
  // @ts-expect-error: schemas go by the names of their tools.
  toolUses(z.object({ city: z.string() }));
  // @ts-expect-error: a JSON Schema is no Standard Schema.
  toolUses({ get_weather: { type: 'object' } });
  // @ts-expect-error: a string is no event.
  of('Hello').pipe(toolUses());
});

test('stopReasons are those that cut no call, and null', () => {
  const config: ToolUsesConfig = { stopReasons: ['end_turn', 'stop_sequence', null, 'a_new_one'] };
  expectTypeOf(config.stopReasons).toEqualTypeOf<readonly AnsweredStopReason[] | undefined>();
  expectTypeOf(events.pipe(toolUses({}, config))).toExtend<Observable<{ id: string }>>();
  // @ts-expect-error a list is wanted
  toolUses(undefined, { stopReasons: 'end_turn' });
});
