import { InvalidJsonError, MessageBuilder, type StreamEvent } from 'claude-rx';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageJson } from '../../../src/message/MessageJson.ts';
import { messageText } from '../../../src/message/messageText.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  raw,
  reply,
  resume,
  stop,
  text,
  textStart,
  thinking,
  thinkingStart,
} from '../../operators/events.ts';
import { rounds } from '../../support/rounds.ts';

const fed = (events: readonly StreamEvent[]): MessageJson => {
  const json = new MessageJson();
  for (const event of events) json.push(event);
  return json;
};

const ended = (piece: string, stopReason: string | null = 'end_turn'): MessageJson =>
  fed([messageStart(), textStart(0), text(0, piece), messageDelta(stopReason), messageStop]);

function errorOf(json: MessageJson): InvalidJsonError {
  try {
    json.end();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidJsonError);
    return error as InvalidJsonError;
  }
  return expect.unreachable('the JSON was whole');
}

describe('MessageJson', () => {
  it('reads the text of all text blocks, joined without a separator', () => {
    const json = fed([
      messageStart(),
      thinkingStart(0),
      thinking(0, '{"not":"this"}'),
      textStart(1, '{"a":'),
      text(1, '"b'),
      stop(1),
      textStart(2),
      text(2, 'c"}'),
    ]);
    expect(json.value).toEqual({ a: 'bc' });
    expect(json.end()).toEqual({ a: 'bc' });
  });

  it('accepts complete JSON whatever the stop reason is', () => {
    expect(ended('{"a":1}', 'max_tokens').end()).toEqual({ a: 1 });
    expect(ended('"x"', 'model_context_window_exceeded').end()).toBe('x');
    expect(ended('{}', null).end()).toEqual({});
    expect(ended('12', 'end_turn').end()).toBe(12);
  });

  it('does not accept a number at the end of a cut reply, which may lack digits', () => {
    const error = errorOf(ended('12', 'max_tokens'));
    expect(error.message).toBe(
      'The JSON of the reply is not valid: the reply stopped at max_tokens: it may be cut off',
    );
    expect(error).toMatchObject({ text: '12', value: 12, stopReason: 'max_tokens' });
    expect(ended('12 ', 'max_tokens').end()).toBe(12);
  });

  it.each(['max_tokens', 'model_context_window_exceeded', 'stop_sequence', 'tool_use'])(
    'reports for cut JSON that the reply stopped at %s',
    (stopReason) => {
      const error = errorOf(ended('{"a":1,"b":"c', stopReason));
      expect(error.message).toMatch(
        new RegExp(`^The JSON of the reply is not valid: the reply stopped at ${stopReason}: `),
      );
      expect(error.message).toContain('line 1, column 14');
      expect(error).toMatchObject({
        code: 'invalid_json',
        stopReason,
        text: '{"a":1,"b":"c',
        value: { a: 1, b: 'c' },
      });
      expect(error.partial?.stop_reason).toBe(stopReason);
    },
  );

  it('reports that the model declined', () => {
    const error = errorOf(ended("I can't help with that.", 'refusal'));
    expect(error.message).toContain('not valid: the model declined: Unexpected "I"');
    expect(error).toMatchObject({ code: 'refusal', stopReason: 'refusal', value: undefined });
  });

  it('does not accept the JSON of a model that declined, even if it is complete', () => {
    const error = errorOf(ended('{"a":1}', 'refusal'));
    expect(error).toMatchObject({ code: 'refusal', value: { a: 1 }, text: '{"a":1}' });
    expect(error.message).toContain('the model declined');
  });

  it('reports only the syntax error of malformed JSON', () => {
    const error = errorOf(ended('{"a":1} That is it.'));
    expect(error.message).toMatch(/^The JSON of the reply is not valid: Unexpected "T"/);
    expect(error).toMatchObject({ code: 'invalid_json', value: { a: 1 } });
    expect(error).not.toHaveProperty('stopReason');
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  it('reports an empty reply, or a missing stop reason', () => {
    const empty = errorOf(ended(''));
    expect(empty.message).toMatch(/not valid: Unexpected end of the text where a value was/);
    expect(empty).toMatchObject({ text: '', value: undefined });
    expect(errorOf(ended('{', null)).message).toMatch(/: the reply has no stop reason: Unexpected/);
    expect(errorOf(fed([])).partial).toBeUndefined();
  });

  it('reports the path and the message of the schema', () => {
    const issues = [{ message: 'too long', path: ['a', 0] }];
    const error = ended('{"a":["x"]}').refused({ a: ['x'] }, issues);
    expect(error.message).toBe(
      'The JSON of the reply is not valid: it does not match the schema: a.0: too long',
    );
    expect(error).toMatchObject({ issues, value: { a: ['x'] }, text: '{"a":["x"]}' });
  });

  it('reports when the text starts again', () => {
    const begin = [messageStart(), textStart(0), text(0, '{"a":'), stop(0), textStart(1)];
    const json = fed(begin);
    expect(json.push(text(1, '"b'))).toBe(false);
    expect(json.push(resume(2))).toBe(false);
    expect(json.value).toEqual({ a: 'b' });
    expect(json.push(resume(1))).toBe(true);
    expect(json.value).toEqual({});
    json.push(textStart(1, '1}'));
    expect(json.end()).toEqual({ a: 1 });
    expect(json.push(resume(0))).toBe(true);
    expect(json.value).toBeUndefined();
    expect(json.push(resume(0))).toBe(false);
  });

  it('ignores a repeated message_start', () => {
    const json = fed([messageStart(), textStart(0), text(0, '{"a"')]);
    expect(json.push(messageStart())).toBe(false);
    json.push(text(0, ':1}'));
    expect(json.end()).toEqual({ a: 1 });
    expect(json.push(messageStart('msg_2'))).toBe(true);
    expect(json.value).toBeUndefined();
  });

  it('reads text in message_start', () => {
    const start = structuredClone(messageStart()) as { message: { content: unknown[] } };
    start.message.content = [{ type: 'text', text: '{"a":', citations: null }];
    const json = new MessageJson();
    expect(json.push(raw(start))).toBe(false);
    json.push(text(0, '1}'));
    expect(json.end()).toEqual({ a: 1 });
  });

  it('returns each element once', () => {
    const json = new MessageJson({ elementsAt: ['n'], keepElements: false });
    for (const event of [messageStart(), textStart(0), text(0, '{"n":[1,2,3')]) json.push(event);
    expect(json.takeElements()).toEqual([1, 2]);
    json.push(text(0, '4]}'));
    expect(json.takeElements()).toEqual([34]);
    expect(json.end()).toEqual({ n: [] });
  });

  it('reads exactly the text of the message, whatever the reply', () => {
    const anew = fc.constantFrom(resume(0), messageStart('msg_2'));
    const seam = fc.oneof(
      fc.nat(4).map((keep) => ({ event: resume(keep), next: undefined })),
      fc.record({ event: anew, next: reply }),
    );
    fc.assert(
      fc.property(reply, fc.nat(), fc.option(seam), (all, cut, again) => {
        const at = cut % (all.length + 1);
        const events = again
          ? [...all.slice(0, at), again.event, ...(again.next ?? all.slice(at))]
          : all;
        const builder = new MessageBuilder();
        const json = new MessageJson();
        for (const event of events) {
          // Text before any message_start is not in the message.
          if (builder.message === undefined && event.type !== 'message_start') continue;
          builder.push(event);
          json.push(event);
        }
        expect(json.refused(0, []).text).toBe(messageText(builder.message));
      }),
      { numRuns: rounds(500) },
    );
  });
});
