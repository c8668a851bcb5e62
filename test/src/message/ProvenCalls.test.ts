import type { StreamEvent } from 'claude-rx';
import { describe, expect, it } from 'vitest';
import { InvalidJsonError } from '../../../src/message/InvalidJsonError.ts';
import { ProvenCalls } from '../../../src/message/ProvenCalls.ts';
import {
  call,
  messageDelta,
  messageStart,
  messageStop,
  resume,
  start,
  textStart,
} from '../../operators/events.ts';

const fed = (events: readonly StreamEvent[]) => {
  const proven = new ProvenCalls<StreamEvent>();
  return { proven, calls: events.flatMap((event) => proven.push(event)) };
};
const refusal = new InvalidJsonError('refused', { text: '{}', value: {} });

describe('ProvenCalls', () => {
  it('hands out each call once, when it is proven', () => {
    const { calls } = fed([
      messageStart(),
      ...call(0, '{"a":1}'),
      ...call(1, '{"a":'),
      ...call(2, '{}'),
      messageDelta('tool_use'),
      messageDelta('tool_use'),
      messageStop,
    ]);
    expect(calls.map(({ input }) => input)).toEqual([{ a: 1 }, {}]);
  });

  it('knows which of them were withdrawn', () => {
    const { proven, calls } = fed([
      messageStart(),
      ...call(0, '{}'),
      ...call(1, '{}'),
      textStart(2),
    ]);
    proven.push(resume(1));
    expect(calls.map((one) => proven.isWithdrawn(one))).toEqual([false, true]);
    proven.push(messageStart('msg_2'));
    expect(calls.map((one) => proven.isWithdrawn(one))).toEqual([true, true]);
  });

  it('takes no call back once its message is over', () => {
    const { proven, calls } = fed([messageStart(), ...call(0, '{}'), messageDelta('tool_use')]);
    proven.push(messageStop);
    proven.push(messageStart('msg_2'));
    proven.push(resume(0));
    expect(proven.isWithdrawn(calls[0]!)).toBe(false);
  });

  it('has a failure for a call that was refused, and for one that is no JSON', () => {
    const { proven, calls } = fed([
      messageStart(),
      ...call(0, '{}'),
      ...call(1, '['),
      textStart(2),
    ]);
    expect(proven.failure).toMatchObject({
      text: '[',
      value: [],
      message: expect.stringContaining('toolu_1'),
    });
    proven.refuse(calls[0]!, refusal);
    expect(proven.failure).toBe(refusal);
    proven.push(resume(0));
    expect(proven.failure).toBeUndefined();
  });

  it('has no failure for a call that a fallback follows', () => {
    const fallback = start(1, { type: 'fallback', from: {}, to: {} });
    const { proven, calls } = fed([messageStart(), ...call(0, '['), fallback, messageStop]);
    expect(calls).toEqual([]);
    expect(proven.failure).toBeUndefined();
  });

  it('keeps the failure of a message that is over', () => {
    const { proven } = fed([
      messageStart(),
      ...call(0, '[1'),
      messageDelta('tool_use'),
      messageStop,
      messageStart('msg_2'),
      ...call(0, '[2'),
      messageDelta('tool_use'),
      messageStop,
    ]);
    expect(proven.failure).toMatchObject({ text: '[1', partial: { id: 'msg_1' } });
  });
});
