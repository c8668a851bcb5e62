import { MessageStream } from '@anthropic-ai/sdk/lib/MessageStream';
import { Stream } from '@anthropic-ai/sdk/streaming';
import {
  fromMessages,
  finalMessage,
  MessageStreamError,
  type StreamEvent,
  toReadableStream,
} from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import {
  concat,
  finalize,
  from,
  lastValueFrom,
  NEVER,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { recordings, repliesOf } from '../../support/recordings.ts';
import { params, useServer } from '../../support/server.ts';
import {
  messageStart,
  messageStop,
  ping,
  resume,
  stop,
  text,
  textStart,
} from '../../operators/events.ts';

const hello = [...messageEvents.text('Hello wide world', { chunk: 4 })];
const connection = new MessageStreamError('The connection was lost', { code: 'connection' });

const lines = async (events$: Observable<StreamEvent>) =>
  (await new Response(toReadableStream(events$)).text()).split('\n');

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('nothing was thrown'),
    (reason: unknown) => reason as MessageStreamError,
  );

describe('toReadableStream', () => {
  it('writes each event as a line of JSON', async () => {
    expect(await lines(from(hello))).toEqual([...hello.map((event) => JSON.stringify(event)), '']);
  });

  it.each(recordings)('is read by the SDK unchanged: $name', async (recording) => {
    for (const events of repliesOf(recording).filter(
      (all) => all.at(-1)?.type === 'message_stop',
    )) {
      const seen: unknown[] = [];
      const stream = MessageStream.fromReadableStream(toReadableStream(from(events)));
      stream.on('streamEvent', (event) => seen.push(structuredClone(event)));
      const message = await stream.finalMessage();
      const plain = events.filter(({ type }) => type !== 'ping');
      expect(seen.slice(1)).toEqual(plain.slice(1));
      const own = await lastValueFrom(from(events).pipe(finalMessage()));
      expect(JSON.stringify(message.content.map(({ type }) => type))).toEqual(
        JSON.stringify(own.content.map(({ type }) => type)),
      );
    }
  });

  it('omits pings, and resume events that withdraw nothing', async () => {
    const all = [
      messageStart(),
      ping,
      textStart(0),
      text(0, 'a'),
      resume(1),
      text(0, 'b'),
      stop(0),
    ];
    const written = await lines(from([...all, messageStop]));
    const kept = all.filter(({ type }) => type !== 'ping' && type !== 'resume');
    expect(written).toEqual([...[...kept, messageStop].map((event) => JSON.stringify(event)), '']);
  });

  it('errors when a block is withdrawn, which the format does not support', async () => {
    const all = [messageStart(), textStart(0), text(0, 'a'), resume(0), messageStop];
    const error = await thrown(lines(from(all)));
    expect(error).toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('withdraws a block'),
    });
  });

  it('errors as the source does, after the lines before it', async () => {
    const source = concat(
      of(hello[0]!),
      throwError(() => connection),
    );
    const reader = toReadableStream(source).getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe(`${JSON.stringify(hello[0])}\n`);
    expect(await thrown(reader.read())).toMatchObject({ code: 'connection' });
  });

  it('errors for an end before message_stop', async () => {
    expect(await thrown(lines(from(hello.slice(0, -1))))).toMatchObject({ code: 'truncated' });
  });

  it('sends of errors and tools only what a reader may have', async () => {
    const { id: tool_use_id, name } = { id: 'a', name: 'sub' };
    const seam = { ...resume(1), error: new MessageStreamError('hush', { code: 'connection' }) };
    const parent_tool_use_id = tool_use_id;
    const progress = { type: 'tool_progress', parent_tool_use_id, name, progress: seam };
    const result = { type: 'tool_result', tool_use_id, name, value: 'hush', result: {} };
    const events = [...hello.slice(0, -1), progress, result, hello.at(-1)!] as StreamEvent[];
    const sent = (await lines(from(events))).join('\n');
    expect(sent).toContain('The connection to the model was lost.');
    expect(sent).not.toContain('hush');
  });

  it('unsubscribes when it is cancelled', async () => {
    let isLeft = false;
    const source = concat(of(hello[0]!), NEVER).pipe(finalize(() => (isLeft = true)));
    const reader = toReadableStream(source).getReader();
    await reader.read();
    void reader.cancel();
    expect(isLeft).toBe(true);
  });

  it('throws for an argument that is not an Observable, when called', () => {
    expect(() => toReadableStream(hello as never)).toThrow(/toReadableStream: pass an Observable/);
  });
});

describe('toReadableStream over HTTP', () => {
  const context = useServer();

  it("sends the reply to the SDK's MessageStream", async () => {
    context.server.reply(hello);
    const stream = toReadableStream(fromMessages(context.client, params));
    expect(await MessageStream.fromReadableStream(stream).finalText()).toBe('Hello wide world');
  });

  it("aborts the request when the loop over the SDK's Stream is left", async () => {
    context.server.reply({ events: hello, fault: { kind: 'stall', beforeEvent: 4 } });
    const stream = toReadableStream(fromMessages(context.client, params));
    for await (const _ of Stream.fromReadableStream(stream, new AbortController())) break;
    expect(await context.server.requests[0]!.finished).toBe('client-left');
  });
});
