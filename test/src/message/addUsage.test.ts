import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUsage } from '../../../src/message/addUsage.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';

describe('addUsage', () => {
  it('adds the counters, also those inside', () => {
    const earlier = {
      input_tokens: 25,
      output_tokens: 1,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 0 },
      server_tool_use: { web_search_requests: 1 },
    };
    const later = {
      input_tokens: 40,
      output_tokens: 15,
      cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 7 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 3 },
    };
    expect(addUsage(earlier, later)).toEqual({
      input_tokens: 65,
      output_tokens: 16,
      cache_creation: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 7 },
      server_tool_use: { web_search_requests: 3, web_fetch_requests: 3 },
    });
  });

  it('takes values that are not numbers from the later usage', () => {
    const earlier = { service_tier: 'priority', speed: 'fast', inference_geo: 'us' };
    const later = { service_tier: 'standard', speed: null };
    expect(addUsage(earlier, later)).toEqual({
      service_tier: 'standard',
      speed: 'fast',
      inference_geo: 'us',
    });
  });

  it('keeps a null if both are null', () => {
    const usage = { output_tokens: 1, server_tool_use: null };
    expect(addUsage(usage, usage)).toEqual({ output_tokens: 2, server_tool_use: null });
    expect(addUsage({}, usage)).toEqual(usage);
  });

  it('fills a null in', () => {
    const nothing = { input_tokens: null, server_tool_use: null };
    const something = { input_tokens: 5, server_tool_use: { web_search_requests: 1 } };
    expect(addUsage(nothing, something)).toEqual(something);
    expect(addUsage(something, nothing)).toEqual(something);
  });

  it('concatenates lists', () => {
    const [first, second] = [{ type: 'message', output_tokens: 1 }, { type: 'compaction' }];
    expect(addUsage({ iterations: [first] }, { iterations: [second] })).toEqual({
      iterations: [first, second],
    });
    expect(addUsage({ iterations: null }, { iterations: [second] })).toEqual({
      iterations: [second],
    });
  });

  it('takes the later value if the types differ', () => {
    expect(addUsage({ a: 1, b: { c: 2 }, d: 'x' }, { a: { c: 3 }, b: 4, d: { e: 5 } })).toEqual({
      a: { c: 3 },
      b: 4,
      d: { e: 5 },
    });
  });

  it('counts an absent usage as empty', () => {
    expect(addUsage(undefined, undefined)).toEqual({});
    expect(addUsage({ output_tokens: 1 }, null)).toEqual({ output_tokens: 1 });
    expect(addUsage(null, { output_tokens: 1 })).toEqual({ output_tokens: 1 });
  });

  it('changes neither usage', () => {
    const inside = {
      server_tool_use: { web_search_requests: 1 },
      iterations: [{ type: 'message' }],
    };
    const [earlier, later] = [deepFreeze(structuredClone(inside)), deepFreeze(inside)];
    const sum = addUsage(earlier, later);
    expect(sum).toEqual({
      server_tool_use: { web_search_requests: 2 },
      iterations: [{ type: 'message' }, { type: 'message' }],
    });
  });

  it('adds any number of usages to the same sum, in any grouping', () => {
    const counters = fc.dictionary(
      fc.constantFrom('input_tokens', 'output_tokens', 'cache_read_input_tokens'),
      fc.oneof(fc.nat(), fc.constant(null)),
    );
    const usage = fc.record(
      { output_tokens: fc.nat(), inside: fc.oneof(counters, fc.constant(null)) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(usage, usage, usage, (one, two, three) => {
        expect(addUsage(addUsage(one, two), three)).toEqual(addUsage(one, addUsage(two, three)));
      }),
    );
  });
});
