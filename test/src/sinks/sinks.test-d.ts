import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Writable } from 'node:stream';
import type Anthropic from '@anthropic-ai/sdk';
import {
  appendText,
  fromMessages,
  fromResponse,
  pipeToResponse,
  type StreamEvent,
  textOnly,
  toAsyncIterable,
  toReadableStream,
  toSseResponse,
  Valve,
  writeText,
} from 'claude-rx';
import type { Subscription } from 'rxjs';
import { of } from 'rxjs';
import { expectTypeOf, it } from 'vitest';

declare const client: Anthropic;
declare const response: ServerResponse;
declare const http2Response: Http2ServerResponse;
declare const writable: Writable;
declare const file: FileHandle;

const params = { model: 'claude-opus-5-5', max_tokens: 1, messages: [] };
const events$ = fromResponse(() => fetch('/'));
const valve = new Valve();

it('take the events of any source', () => {
  const beta$ = fromMessages(client.beta, params);
  expectTypeOf(toSseResponse(beta$)).toEqualTypeOf<Response>();
  expectTypeOf(toSseResponse(of({ type: 'tool_start' }))).toEqualTypeOf<Response>();
  expectTypeOf(pipeToResponse(beta$, response)).toEqualTypeOf<Subscription>();
  expectTypeOf(toReadableStream(beta$)).toExtend<ReadableStream<Uint8Array>>();
  expectTypeOf(toAsyncIterable(events$)).toEqualTypeOf<AsyncIterable<StreamEvent>>();
  expectTypeOf(toAsyncIterable(events$.pipe(textOnly()))).toEqualTypeOf<AsyncIterable<string>>();
  expectTypeOf(writeText(events$.pipe(textOnly()), writable)).toEqualTypeOf<Promise<void>>();
  expectTypeOf(appendText(events$.pipe(textOnly()), file)).toEqualTypeOf<Promise<void>>();
});

it("take Node's own responses, writables and files", () => {
  pipeToResponse(events$, http2Response, { valve, headers: { 'x-mine': '1' }, heartbeat: 5_000 });
  writeText(of('a'), process.stdout, { end: false, valve });
  writeText(of('a'), response);
});

it('refuse what they cannot write', () => {
  // @ts-expect-error: text is no event
  toSseResponse(of('text'));
  // @ts-expect-error: events are no text
  writeText(events$, writable);
  // @ts-expect-error: events are no text
  appendText(events$, file);
  // @ts-expect-error: a web Response is made by toSseResponse
  pipeToResponse(events$, new Response());
  // @ts-expect-error: a tool's events are not the SDK's
  toReadableStream(of({ type: 'tool_start' }));
});
