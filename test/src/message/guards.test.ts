import { describe, expect, it } from 'vitest';
import {
  isCitationsDelta,
  isInputJsonDelta,
  isSignatureDelta,
  isTextDelta,
  isThinkingDelta,
} from '../../../src/message/guards.ts';
import type { StreamEvent } from '../../../src/message/StreamEvent.ts';

const guards = {
  text_delta: isTextDelta,
  thinking_delta: isThinkingDelta,
  signature_delta: isSignatureDelta,
  input_json_delta: isInputJsonDelta,
  citations_delta: isCitationsDelta,
};
const types = Object.keys(guards) as Array<keyof typeof guards>;
const event = (fields: object) => fields as StreamEvent;

describe.each(types)('the guard of %s', (type) => {
  const guard = guards[type];

  it('accepts its own delta', () => {
    expect(guard(event({ type: 'content_block_delta', index: 0, delta: { type } }))).toBe(true);
  });

  it('refuses every other delta', () => {
    for (const other of [...types.filter((name) => name !== type), 'connector_text_delta']) {
      const delta = { type: other };
      expect(guard(event({ type: 'content_block_delta', index: 0, delta }))).toBe(false);
    }
  });

  it('refuses an event of another type, and one without a delta', () => {
    expect(guard(event({ type: 'other', index: 0, delta: { type } }))).toBe(false);
    expect(guard(event({ type: 'message_delta', delta: { type } }))).toBe(false);
    expect(guard(event({ type: 'content_block_delta', index: 0 }))).toBe(false);
    expect(guard(event({ type: 'content_block_delta', index: 0, delta: null }))).toBe(false);
  });
});
