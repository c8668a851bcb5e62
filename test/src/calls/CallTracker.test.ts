import type { StreamEvent } from 'claude-rx';
import { describe, expect, it } from 'vitest';
import { type CallStep, CallTracker } from '../../../src/calls/CallTracker.ts';
import {
  call,
  callStart,
  json,
  messageDelta,
  messageStart,
  messageStop,
  raw,
  resume,
  start,
  stop,
  text,
  textStart,
} from '../../operators/events.ts';

/** What has become of the calls: a line for each step but those of the text. */
function stepsOf(events: readonly StreamEvent[], stopReasons?: (string | null)[]): string[] {
  const tracker = new CallTracker<StreamEvent>({ stopReasons });
  const steps = [messageStart(), ...events].flatMap((event) => [...tracker.push(event)]);
  return steps.flatMap(lineOf);
}

function lineOf(step: CallStep<StreamEvent>): string[] {
  if (step.type === 'failed') return [`failed ${step.error.code}`];
  const { id, block } = step.call;
  const name = id.replace('toolu_', '');
  if (step.type === 'begin' || step.type === 'input') return [];
  if (step.type === 'complete') return [`${name} ${JSON.stringify(block.input)}`];
  if (step.type === 'invalid')
    return [`${name} invalid: ${step.error.message.replace(/^.*?\) /, '').slice(0, 15)}`];
  if (step.type === 'unexpected') return [`${name} unexpected ${step.error.code}`];
  return [`${name} ${step.type}`];
}

const x = messageDelta('tool_use');
const end = [x, messageStop];
const fallback = (index: number) => start(index, { type: 'fallback', from: {}, to: {} });
const delta = (index: number, said: object) =>
  raw({ type: 'content_block_delta', index, delta: said });
const bare = (index: number, more: object = {}) =>
  start(index, { type: 'tool_use', id: `toolu_${index}`, name: 'get_weather', ...more });

describe('CallTracker', () => {
  // oxfmt-ignore
  const cases: [title: string, events: StreamEvent[], steps: string[]][] = [
    ['is proven by a block that starts after its stop', [...call(0, '{"a":1}'), textStart(1)], ['0 {"a":1}']],
    ['is not proven by its stop', call(0, '{}'), []],
    ['is not proven by a start before its stop', [callStart(0), json(0, '{}'), callStart(1), stop(0)], []],
    ['is proven by text whose start is missing', [...call(0, '{}'), text(1, 'So')], ['0 {}']],
    ['is proven by tool_use', [...call(0, '{}'), x], ['0 {}']],
    ['needs no stop under tool_use', [callStart(0), json(0, '{"a":1}'), x], ['0 {"a":1}']],
    ['is complete once', [...call(0, '{}'), x, x, textStart(1), messageStop], ['0 {}']],
    ['that is malformed at a later start waits for the end', [callStart(0), json(0, '{"a"'), stop(0), ...call(1, '{}'), json(0, ':1}'), ...end], ['0 {"a":1}', '1 {}']],
    ['that stays malformed is invalid at the end', [...call(0, '{a'), ...call(1, '{}'), ...end], ['0 invalid: is not valid JS', '1 {}']],
    ['that goes on after its stop is open again', [...call(0, '{"a"'), json(0, ':1}'), textStart(1), stop(0), textStart(2)], ['0 {"a":1}']],
    ['that goes on after it was complete is invalid', [...call(0, '{}'), textStart(1), json(0, '1')], ['0 {}', '0 invalid: continued after']],
    ['of which nothing more comes stays complete', [...call(0, '{}'), textStart(1), json(0, ''), stop(0), ...end], ['0 {}']],
    ['without `input` has no arguments', [bare(0), stop(0), ...end], ['0 {}']],
    ['without `input` has those that come', [bare(0), json(0, '{"a":1}'), ...end], ['0 {"a":1}']],
    ['with an input of null has those that come', [bare(0, { input: null }), json(0, '{"a":1}'), ...end], ['0 {"a":1}']],
    ['with its whole input is complete', [bare(0, { input: { a: 1 } }), stop(0), ...end], ['0 {"a":1}']],
    ['with an index as a string is found', [callStart(0), raw({ ...json(0, '{"a":1}'), index: '0' }), raw({ ...stop(0), index: '0' }), textStart(1)], ['0 {"a":1}']],
    ['that starts twice is one', [callStart(0), callStart(0), json(0, '{"a":1}'), stop(0), stop(0), ...end], ['0 {"a":1}']],
    ['with the index of another that has stopped is another', [...call(0, '{}'), bare(0, { id: 'b' }), json(0, '{"b":1}'), stop(0), ...end], ['0 {}', 'b {"b":1}']],
    ['is written in turns with others', [callStart(0), callStart(1), json(1, '{"b"'), json(0, '{"a"'), json(1, ':1}'), json(0, ':0}'), stop(1), stop(0), ...end], ['0 {"a":0}', '1 {"b":1}']],
    ['gets no input of an unknown block', [callStart(0), json(1, '{"p":"/"}'), stop(1), stop(0), ...end], ['0 invalid: may lack a part']],
    ['gets no input of a text', [textStart(0), callStart(1), json(0, '{}'), stop(1), ...end], ['1 invalid: may lack a part']],
    ['has no input that is an object', [callStart(0), delta(0, { type: 'input_json_delta', partial_json: { a: 1 } }), stop(0), ...end], ['0 invalid: may lack a part']],
    ['has no input of a delta without a type', [callStart(0), delta(0, { partial_json: '{"a":1}' }), stop(0), ...end], ['0 invalid: may lack a part']],
    ['has no input of a delta of another type', [...call(0, '{"a":1}'), delta(0, { type: 'later', partial_json: ',"b":2}' }), ...end], ['0 invalid: may lack a part']],
    ['may have deltas without an input', [...call(0, '{}'), delta(0, { type: 'later', partial_json: null }), delta(0, { type: 'input_json_delta', partial_json: null }), ...end], ['0 {}']],
    ['whose index another takes over may lack its input', [bare(0), bare(0, { id: 'b' }), json(0, '{"b":1}'), ...end], ['0 invalid: is not valid JS', 'b {"b":1}']],
    ['whose index another takes over has what came before', [bare(0), json(0, '{"a":1}'), bare(0, { id: 'b' }), json(0, '{"b":1}'), ...end], ['0 {"a":1}', 'b {"b":1}']],
    ['has no arguments where its input is an empty text', [bare(0, { input: '' }), stop(0), ...end], ['0 {}']],
    ['with an empty text as input has those that come', [bare(0, { input: '' }), json(0, '{"a":1}'), ...end], ['0 {"a":1}']],
    ['whose block has no type is lost', [start(0, { id: 'toolu_0', name: 'a' }), json(0, '{"a":1}'), stop(0), ...end], ['failed protocol', 'failed protocol']],
    ['that is complete is not concerned', [...call(0, '{}'), textStart(1), json(7, '{}'), ...end], ['0 {}', 'failed protocol']],
    ['is invalid after a stop of an unknown block', [callStart(0), json(0, '{}'), stop(3), ...end], ['0 invalid: may lack a part']],
    ['may be lost: a stop of an unknown block, and tool_use', [textStart(0), stop(0), stop(1), ...end], ['failed protocol']],
    ['is not lost: a stop of an unknown block, and end_turn', [textStart(0), stop(0), stop(1), messageDelta('end_turn'), messageStop], []],
    ['is lost: an input without a start', [json(0, '{"a":1}'), ...end], ['failed protocol']],
    ['is discarded by a fallback', [...call(0, '{}'), callStart(1), fallback(2), ...end], ['0 {}', '1 withdrawn']],
    ['that is not proven is discarded by a fallback', [...call(0, '{}'), fallback(1), ...end], ['0 withdrawn']],
    ['is withdrawn by a resume, complete or not', [...call(0, '{}'), ...call(1, '{}'), callStart(2), resume(1)], ['0 {}', '1 {}', '1 withdrawn', '2 withdrawn']],
    ['is withdrawn by another message', [...call(0, '{}'), messageStart('other')], ['0 withdrawn']],
    ['is not withdrawn by the same message', [...call(0, '{}'), messageStart(), ...end], ['0 {}']],
    ['is not withdrawn when its message is over', [...call(0, '{}'), ...end, messageStart('other'), resume(0)], ['0 {}']],
    ['is invalid if its input is null', [...call(0, 'null'), ...end], ['0 invalid: is null, not an']],
    ['is invalid if its input is a list', [...call(0, '[]'), textStart(1), ...end], ['0 invalid: is a list, not ']],
    ['is cut by max_tokens', [...call(0, '{}'), messageDelta('max_tokens'), messageStop], ['0 cut']],
    ['is cut by pause_turn', [...call(0, '{}'), messageDelta('pause_turn'), messageStop], ['0 cut']],
    ['is unexpected under end_turn', [...call(0, '{}'), messageDelta('end_turn'), messageStop], ['0 cut', '0 unexpected protocol']],
    ['is unexpected without a stop reason', [...call(0, '{}'), messageStop], ['0 cut', '0 unexpected protocol']],
    ['that is not whole is unexpected too', [...call(0, '{'), messageDelta('end_turn'), messageStop], ['0 cut', '0 unexpected invalid_json']],
  ];
  it.each(cases)('a call %s', (_, events, steps) => {
    expect(stepsOf(events)).toEqual(steps);
  });

  it.each(['end_turn', 'stop_sequence', 'new_one', null])(
    'treats %s like tool_use if it is in `stopReasons`',
    (reason) => {
      expect(stepsOf([...call(0, '{}'), messageDelta(reason), messageStop], [reason])).toEqual([
        '0 {}',
      ]);
    },
  );

  it.each([{}, { message: null }, { message: 'a' }])(
    'follows the calls of a message_start that says nothing: %j',
    (said) => {
      const tracker = new CallTracker<StreamEvent>();
      const begun = raw({ type: 'message_start', ...said });
      const steps = [begun, callStart(0), json(0, '{"a"'), begun, json(0, ':1}'), stop(0), ...end];
      expect(steps.flatMap((event) => [...tracker.push(event)]).flatMap(lineOf)).toEqual([
        '0 {"a":1}',
      ]);
      expect(tracker.message).toMatchObject({
        stop_reason: 'tool_use',
        content: [{ type: 'tool_use' }],
      });
    },
  );

  it('creates the same id each time for a call that has none', () => {
    const ids = () => {
      const tracker = new CallTracker<StreamEvent>();
      const events = [messageStart(), bare(0, { id: undefined }), bare(1, { id: 7 }), ...end];
      return events
        .flatMap((event) => [...tracker.push(event)])
        .flatMap((step) => (step.type === 'complete' ? step.call.id : []));
    };
    expect(ids()).toEqual(['msg_1_0', '7']);
    expect(ids()).toEqual(ids());
  });
});
