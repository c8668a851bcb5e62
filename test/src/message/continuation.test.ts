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
import { firstValueFrom, from, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  type Continuation,
  continuation,
  continuationOf,
  markContinuation,
  recallContinuation,
  withContinuation,
} from '../../../src/message/continuation.ts';
import { encodeEvent } from '../../../src/sse/encodeEvent.ts';
import { messageStart, ping } from '../../operators/events.ts';

const marked = (said: Continuation): StreamEvent => {
  const start = messageStart();
  markContinuation(start, { [continuation]: said });
  return start;
};

/** As a reader on the other side of a connection has the event. */
function received(event: StreamEvent): StreamEvent {
  const events: StreamEvent[] = [];
  const decoder = new EventDecoder((next) => events.push(next));
  decoder.push(new TextEncoder().encode(encodeEvent(withContinuation(event))));
  return events[0]!;
}

describe('markContinuation', () => {
  it('remembers with message_start what was said of the request', () => {
    const said: Continuation = { keep: 1, seam: { sent: 'Once' } };
    const [start, other] = [marked(said), messageStart()];
    markContinuation(ping, { [continuation]: said });
    markContinuation(other, {});
    expect(continuationOf(start)).toBe(said);
    expect(continuationOf(ping)).toBeUndefined();
    expect(continuationOf(other)).toBeUndefined();
  });
});

describe('withContinuation and recallContinuation', () => {
  it('say it to a reader on the other side of a connection', () => {
    const said: Continuation = {
      keep: 2,
      seam: { sent: 'Once upon', leftOut: ' ', mayRepeat: true, anchor: 'upon' },
    };
    const again = received(marked(said));
    expect(continuationOf(again)).toEqual(said);
    expect(again).toEqual(messageStart());
  });

  it('say no more of the text than a seam looks at, and nothing of other events', () => {
    const again = received(marked({ keep: 1, seam: { sent: `${'x'.repeat(5_000)}end` } }));
    expect(continuationOf(again)?.seam.sent).toMatch(/^x{397}end$/);
    const plain = messageStart();
    expect(withContinuation(plain)).toBe(plain);
    expect(withContinuation(ping)).toBe(ping);
    expect(continuationOf(received(plain))).toBeUndefined();
  });

  it.each([
    null,
    'keep',
    { keep: '1', seam: { sent: '' } },
    { keep: 1 },
    { keep: 0.5, seam: { sent: '' } },
    { keep: 1, seam: { sent: 3 } },
  ])('take %j for nothing that was said', (claude_rx) => {
    const event = { ...messageStart(), claude_rx };
    recallContinuation(event);
    expect(continuationOf(event)).toBeUndefined();
    expect(event).not.toHaveProperty('claude_rx');
  });

  it.each([null, undefined, 'm'])('do not mind a message that is %j', (message) => {
    const event = { ...messageStart(), message, claude_rx: { keep: 1, seam: { sent: '' } } };
    recallContinuation(event);
    expect(continuationOf(event as never)).toBeUndefined();
  });
});

/** What a browser shows of a reply that broke, when it asks a service for the rest of it. */
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
    return toSseResponse(from(rest).pipe(tap((event) => markContinuation(event, request))));
  };
  const reply = fromResponse(
    new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  ).pipe(retryResumable({ resume: ({ partial }) => fromResponse(service(partial)) }));
  return firstValueFrom(reply.pipe(finalMessage()));
}

describe('retryResumable behind a service', () => {
  it('drops the words that the service asked for, and not what goes on like them', async () => {
    // The last 40 characters are asked for. More of the answer is like the end of the text, so that
    // without knowing them 60 would be taken for a repeat.
    const [shown, rest] = ['-'.repeat(60), '-'.repeat(20)];
    const message = await carriedOn(shown, messageEvents.text(`${'-'.repeat(40)}${rest}`));
    expect(message.content).toMatchObject([{ text: shown + rest }]);
  });

  it('begins anew where the service did', async () => {
    const message = await carriedOn('Once upon', messageEvents.text('Long ago'), 'restart');
    expect(message.content).toMatchObject([{ text: 'Long ago' }]);
  });

  it('passes on an error of the service that says so', async () => {
    const refused = (): never => {
      throw new MessageStreamError('Bad request', { code: 'request' });
    };
    await expect(
      carriedOn('Once', { [Symbol.iterator]: refused } as Iterable<StreamEvent>),
    ).rejects.toMatchObject({ code: 'request', message: 'Bad request' });
  });
});
