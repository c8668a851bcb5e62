import type { StreamEvent } from 'claude-rx';
import { describe, expect, it } from 'vitest';
import { ToolCalls, type ToolCallStep } from '../../../src/message/ToolCalls.ts';
import {
  call,
  callStart,
  delta,
  json,
  messageDelta,
  messageStart,
  messageStop,
  raw,
  resume,
  start,
  stop,
  textStart,
} from '../../operators/events.ts';

const fallback = (index: number) => start(index, { type: 'fallback', from: {}, to: {} });

/** Each step as `type id`, with the input or the problem. */
function stepsOf(events: readonly StreamEvent[], name = 'get_weather'): string[] {
  const calls = new ToolCalls(name);
  return events.flatMap((event) => calls.push(event).map(described));
}

function described(step: ToolCallStep): string {
  const { id, json: text } = step.call;
  if (step.type === 'progress') return `${id} ${JSON.stringify(text.text)}`;
  if (step.type === 'complete') return `${id} complete ${JSON.stringify(step.input)}`;
  if (step.type === 'withdrawn') return `${id} withdrawn`;
  return `${id} ${step.error.message.replace(/^.*?\) /, '')}`;
}

describe('ToolCalls', () => {
  it('follows the calls of its tool', () => {
    const other = { type: 'tool_use', id: 'toolu_9', name: 'get_time', input: {} };
    const events = [
      messageStart(),
      ...call(0, '{"a":1}'),
      start(1, other),
      json(1, '{"b":2}'),
      stop(1),
      ...call(2, '{}'),
      messageDelta('tool_use'),
      messageStop,
    ];
    expect(stepsOf(events)).toEqual([
      'toolu_0 ""',
      'toolu_0 "{\\"a\\":1}"',
      'toolu_0 complete {"a":1}',
      'toolu_2 ""',
      'toolu_2 "{}"',
      'toolu_2 complete {}',
    ]);
    expect(stepsOf(events, 'get_time').at(-1)).toBe('toolu_9 complete {"b":2}');
    expect(stepsOf(events, 'get')).toEqual([]);
  });

  it('takes nothing but the next block or the stop reason tool_use for a proof', () => {
    const begin = [messageStart(), ...call(0, '{}')];
    expect(stepsOf(begin)).toHaveLength(2);
    expect(stepsOf([...begin, textStart(1)]).at(-1)).toBe('toolu_0 complete {}');
    expect(stepsOf([...begin, messageDelta('tool_use')]).at(-1)).toBe('toolu_0 complete {}');
    expect(stepsOf([...begin, messageDelta(null)])).toHaveLength(2);
    expect(stepsOf([...begin, messageDelta('end_turn')]).at(-1)).toBe(
      'toolu_0 may be cut: the reply stopped at end_turn',
    );
    expect(stepsOf([...begin, messageDelta('refusal')]).at(-1)).toBe(
      'toolu_0 may be cut: the model declined',
    );
    expect(stepsOf([...begin, messageStop]).at(-1)).toBe(
      'toolu_0 may be cut: the reply has no stop reason',
    );
  });

  it('ends a call once, however often it hears of the end', () => {
    const ends = [messageDelta('tool_use'), messageDelta('tool_use'), textStart(1), messageStop];
    const steps = stepsOf([messageStart(), ...call(0, '{}'), ...ends]);
    expect(steps.filter((step) => step.includes('complete'))).toHaveLength(1);
    expect(steps).toHaveLength(3);
  });

  it('withdraws the call before a fallback, and none that was complete before it', () => {
    const events = [messageStart(), ...call(0, '{}'), ...call(1, '{"b":'), fallback(2)];
    expect(stepsOf(events).slice(-3)).toEqual([
      'toolu_1 ""',
      'toolu_1 "{\\"b\\":"',
      'toolu_1 withdrawn',
    ]);
    expect(stepsOf([messageStart(), ...call(0, '{}'), textStart(1), fallback(2)]).at(-1)).toBe(
      'toolu_0 complete {}',
    );
  });

  it('withdraws with a resume the calls that it does not keep, complete or not', () => {
    const begin = [messageStart(), ...call(0, '{}'), textStart(1), ...call(2, '{}'), callStart(3)];
    expect(stepsOf([...begin, resume(1)]).slice(-2)).toEqual([
      'toolu_2 withdrawn',
      'toolu_3 withdrawn',
    ]);
    expect(stepsOf([...begin, resume(0)]).slice(-3)).toEqual([
      'toolu_0 withdrawn',
      'toolu_2 withdrawn',
      'toolu_3 withdrawn',
    ]);
    expect(
      stepsOf([...begin, resume(4), json(3, '{}'), messageDelta('tool_use')]).slice(-2),
    ).toEqual(['toolu_3 "{}"', 'toolu_3 complete {}']);
  });

  it('withdraws nothing twice, and nothing of a message that is over', () => {
    const begin = [messageStart(), ...call(0, '{}'), messageDelta('tool_use')];
    expect(stepsOf([...begin, resume(0), resume(0), messageStop]).slice(-2)).toEqual([
      'toolu_0 complete {}',
      'toolu_0 withdrawn',
    ]);
    expect(stepsOf([...begin, messageStop, messageStart('msg_2'), resume(0)]).at(-1)).toBe(
      'toolu_0 complete {}',
    );
  });

  it('takes a repeated message_start for what it is, and withdraws with another', () => {
    const begin = [messageStart(), ...call(0, '{}')];
    expect(stepsOf([...begin, messageStart(), messageDelta('tool_use')]).at(-1)).toBe(
      'toolu_0 complete {}',
    );
    expect(stepsOf([...begin, messageStart('msg_2')]).at(-1)).toBe('toolu_0 withdrawn');
  });

  it('lets deltas replace an input that came with the start, as MessageBuilder does', () => {
    const whole = start(0, { type: 'tool_use', id: 'a', name: 'get_weather', input: { b: 1 } });
    const end = messageDelta('tool_use');
    expect(stepsOf([messageStart(), whole, json(0, ''), end])).toEqual([
      'a "{\\"b\\":1}"',
      'a complete {"b":1}',
    ]);
    expect(stepsOf([messageStart(), whole, json(0, '{"c"'), json(0, ':2}'), end]).at(-1)).toBe(
      'a complete {"c":2}',
    );
  });

  it('passes over what has no shape', () => {
    const odd = [
      raw({ type: 'content_block_start', index: 0 }),
      raw({ type: 'content_block_start', index: 0, content_block: null }),
      raw({ type: 'content_block_delta', index: 0 }),
      raw({ type: 'message_delta' }),
      delta(0, { type: 'input_json_delta' }),
      delta(0, { type: 'text_delta', text: '{}' }),
      json(5, '{}'),
      raw({ type: 'other' }),
    ];
    const nothing = start(0, { type: 'tool_use', id: 'a', name: 'get_weather', input: null });
    expect(
      stepsOf([...odd, messageStart(), nothing, ...odd.slice(2), messageDelta('tool_use')]),
    ).toEqual(['a ""', 'a complete {}']);
  });

  it('ends a call that the stream has cut', () => {
    const calls = new ToolCalls('get_weather');
    for (const event of [messageStart(), callStart(0), json(0, '{"a"')]) calls.push(event);
    const [step] = calls.end();
    expect(described(step!)).toBe('toolu_0 may be cut: the stream ended before message_stop');
    expect(calls.end()).toEqual([]);
  });
});
