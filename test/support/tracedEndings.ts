import type Anthropic from '@anthropic-ai/sdk';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { fromMessages } from 'claude-rx';
import { messageEvents, type MessagesServer, type ReplyScript } from 'claude-rx/testing';
import { lastValueFrom } from 'rxjs';
import { expect } from 'vitest';
import { params } from './server.ts';
import { type RecordedSpans, statusOf } from './telemetry.ts';

export const events = Array.from(
  messageEvents
    .thinking('Hm')
    .text('Hello wide world', { chunk: 3 })
    .with({ usage: { cache_read_input_tokens: 20 } }),
);
const withFallback = messageEvents
  .block({ type: 'fallback', from: { model: 'a' }, to: { model: 'b' } } as never)
  .text('Hello')
  // Else the server would number it.
  .with({ id: 'msg_1' });

/** What the SDK's span must have in common with that of the SDK's own stream. */
function essence(span: ReadableSpan) {
  const { 'gen_ai.response.time_to_first_chunk': firstChunk, ...attributes } = span.attributes;
  // The server numbers the requests.
  delete attributes['anthropic.request.id'];
  return { status: statusOf(span), ...attributes, hasFirstChunk: firstChunk !== undefined };
}

/** Replies, each with the status and the `error.type` of the SDK's span. */
export const endings: [
  name: string,
  status: string,
  type: string | undefined,
  reply: ReplyScript,
][] = [
  ['a whole reply', 'OK', undefined, { events }],
  ['a reply of another model', 'OK', undefined, { events: withFallback }],
  [
    'an error frame',
    'ERROR',
    'overloaded_error',
    { events, fault: { kind: 'error', beforeEvent: 5 } },
  ],
  [
    'an error frame at once',
    'ERROR',
    'overloaded_error',
    { events, fault: { kind: 'error', beforeEvent: 0 } },
  ],
  [
    'an end before message_stop',
    'ERROR',
    'api_error',
    { events, fault: { kind: 'end', beforeEvent: 5 } },
  ],
  [
    'an end right before message_stop',
    'ERROR',
    'api_error',
    { events, fault: { kind: 'end', beforeEvent: events.length - 1 } },
  ],
  ['a page', 'ERROR', 'api_error', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ['an empty body', 'ERROR', 'api_error', { body: '' }],
  [
    'a closed connection',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'fin', beforeEvent: 5 } },
  ],
  [
    'a reset connection',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'rst', beforeEvent: 5 } },
  ],
  [
    'a garbage frame',
    'ERROR',
    'client_error',
    { events, fault: { kind: 'garbage', beforeEvent: 5 } },
  ],
  [
    'an HTTP error',
    'ERROR',
    'overloaded_error',
    {
      status: 529,
      body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    },
  ],
];

/** The SDK's span of a request of `fromMessages` must be that of the SDK's own stream. */
export async function expectSameSpan(
  client: Pick<Anthropic, 'messages'>,
  server: MessagesServer,
  spans: RecordedSpans,
  [, status, type, reply]: (typeof endings)[number],
): Promise<void> {
  server.reply(reply, reply);
  const read = async () => {
    const call = client.messages.create({ ...params, stream: true } as never);
    for await (const _event of (await call) as never as AsyncIterable<unknown>);
  };
  await read().catch(() => {});
  await lastValueFrom(fromMessages(client as Anthropic, params)).catch(() => {});
  const [expected, span] = (await spans.ended(2)) as [ReadableSpan, ReadableSpan];
  expect(essence(span)).toEqual(essence(expected));
  expect(essence(span)).toMatchObject({ status, 'server.address': '127.0.0.1' });
  expect(span.attributes['error.type']).toBe(type);
}
