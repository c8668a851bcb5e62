import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import {
  continueFrom,
  EventDecoder,
  finalMessage,
  fromResponse,
  MessageStreamError,
  retryResumable,
  type StreamEvent,
  toSseResponse,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { firstValueFrom, from, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Continuation,
  continuation,
  continuationOf,
  withContinuation,
} from '../../../src/message/continuation.ts';
import { encodeEvent } from '../../../src/sse/encodeEvent.ts';
import { messageStart, ping } from '../../operators/events.ts';

const marked = (said: Continuation): StreamEvent =>
  withContinuation(messageStart(), { [continuation]: said });

/** The event as a reader behind a connection receives it. */
function received(event: StreamEvent): StreamEvent {
  const events: StreamEvent[] = [];
  const decoder = new EventDecoder((next) => events.push(next));
  decoder.push(new TextEncoder().encode(encodeEvent(event)));
  return events[0]!;
}

describe('withContinuation and continuationOf', () => {
  const said: Continuation = {
    keep: 2,
    seam: { sent: 'Once upon', leftOut: ' ', mayRepeat: true, anchor: 'upon' },
  };

  it('keep the continuation in message_start, and in no other event', () => {
    expect(continuationOf(marked(said))).toEqual(said);
    expect(withContinuation(ping, { [continuation]: said })).toBe(ping);
    const plain = messageStart();
    expect(withContinuation(plain, {})).toBe(plain);
    expect(continuationOf(plain)).toBeUndefined();
    expect(continuationOf(ping)).toBeUndefined();
  });

  it.each<[string, (event: StreamEvent) => StreamEvent]>([
    ['a connection', received],
    ['structuredClone', (event) => structuredClone(event)],
    ['JSON', (event) => JSON.parse(JSON.stringify(event)) as StreamEvent],
    [
      'a map that copies the message',
      (event) =>
        event.type === 'message_start' ? { ...event, message: { ...event.message } } : event,
    ],
  ])('survive %s', (_, copy) => {
    expect(continuationOf(copy(marked(said)))).toEqual(said);
  });

  it('keep only the part of the text that a seam reads', () => {
    const again = received(marked({ keep: 1, seam: { sent: `${'x'.repeat(5_000)}end` } }));
    expect(continuationOf(again)?.seam.sent).toMatch(/^x{397}end$/);
  });

  it.each([
    null,
    'keep',
    { keep: '1', seam: { sent: '' } },
    { keep: 1 },
    { keep: 0.5, seam: { sent: '' } },
    { keep: 1, seam: { sent: 3 } },
  ])('ignore the invalid continuation %j', (field) => {
    expect(continuationOf({ ...messageStart(), continuation: field } as never)).toBeUndefined();
  });
});

/** The text in a browser that asks a service for the rest of a broken reply. */
async function carriedOn(
  shown: string,
  rest: Iterable<StreamEvent>,
  strategy?: 'restart',
): Promise<Message> {
  const params = { model: 'claude-opus-5-5', max_tokens: 1024, messages: [] };
  const broken = [...messageEvents.text(shown, { chunk: 7 })].slice(0, -3);
  const body = broken.map((event) => encodeEvent(event)).join('');
  const service = (partial: Message | undefined) => {
    const request = continueFrom(params, partial, { strategy });
    return toSseResponse(from(rest).pipe(map((event) => withContinuation(event, request))));
  };
  const reply = fromResponse(
    new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  ).pipe(retryResumable({ resume: ({ partial }) => fromResponse(service(partial)) }));
  return firstValueFrom(reply.pipe(finalMessage()));
}

describe('retryResumable behind a service', () => {
  it('drops the words that the service asked for, but not similar new text', async () => {
    // The request asks for the last 40 characters. More of the answer equals the end of the text, so
    // without this information, 60 characters would be taken for a repeat.
    const [shown, rest] = ['-'.repeat(60), '-'.repeat(20)];
    const message = await carriedOn(shown, messageEvents.text(`${'-'.repeat(40)}${rest}`));
    expect(message.content).toMatchObject([{ text: shown + rest }]);
  });

  it('restarts if the service restarted', async () => {
    const message = await carriedOn('Once upon', messageEvents.text('Long ago'), 'restart');
    expect(message.content).toMatchObject([{ text: 'Long ago' }]);
  });

  it('passes on an error of the service', async () => {
    const refused = (): never => {
      throw new MessageStreamError('Bad request', { code: 'request' });
    };
    await expect(
      carriedOn('Once', { [Symbol.iterator]: refused } as Iterable<StreamEvent>),
    ).rejects.toMatchObject({ code: 'request', message: 'The request was refused.' });
  });
});
