import { fromMessages, messageTimeout, retryResumable, type StreamEvent } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { runTools, type RunToolsOptions, type ToolContext, type ToolEvent } from 'claude-rx/tools';
import { NEVER, Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { params, until, useServer } from '../../support/server.ts';
import { tool } from './turns.ts';

const call = messageEvents.text('Let me look.').toolUse('a', { n: 1 });

/** A tool, or an approval, at work: what it has seen of its end. */
class Work {
  signal: AbortSignal | undefined;
  isLeft = false;

  begin({ signal }: ToolContext): void {
    this.signal = signal;
  }

  /** An Observable that ends only with its subscription. */
  forEver({ signal }: ToolContext): Observable<never> {
    this.signal = signal;
    return new Observable(() => () => (this.isLeft = true));
  }

  /** A promise that ends only with the signal, and then rejects. */
  promise({ signal }: ToolContext): Promise<never> {
    this.signal = signal;
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    });
  }
}

describe('unsubscribing from runTools', () => {
  const http = useServer({ strict: true });

  /** Leaves the loop as soon as `condition` holds; what it has emitted. */
  async function leave(
    options: RunToolsOptions,
    condition: () => boolean,
    request: Parameters<typeof runTools<StreamEvent, typeof params>>[0] = (turnParams) =>
      fromMessages(http.client, turnParams),
  ): Promise<(StreamEvent | ToolEvent)[]> {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    const events: (StreamEvent | ToolEvent)[] = [];
    let hasEnded = false;
    const end = () => (hasEnded = true);
    const subscription = runTools(request, params, options).subscribe({
      next: (event) => events.push(event),
      error: end,
      complete: end,
    });
    await until(condition);
    const count = events.length;
    subscription.unsubscribe();
    // Long enough for whatever goes on behind.
    await http.server.idle();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', onRejection);
    expect({ hasEnded, rejections, more: events.length - count }).toEqual({
      hasEnded: false,
      rejections: [],
      more: 0,
    });
    return events;
  }

  const isIn = (request: number) => () => http.server.requests.length > request;

  it('aborts the request before its answer', async () => {
    http.server.reply({ events: call, delay: 60_000 });
    await leave({ tools: [] }, isIn(0));
    expect(http.server.requests[0]?.outcome).toBe('client-left');
  });

  it('aborts the request in the middle of the stream, and the tools that run already', async () => {
    const work = new Work();
    const a = tool('a', (_, context) => work.forEver(context));
    http.server.reply({ events: call.text('And now'), fault: { kind: 'stall', beforeEvent: 16 } });
    await leave({ tools: [a], eager: true }, () => work.signal !== undefined);
    expect(http.server.requests[0]?.outcome).toBe('client-left');
    expect(work).toMatchObject({ isLeft: true, signal: { aborted: true } });
  });

  it('aborts a request of a later turn', async () => {
    http.server.reply(call, { events: call, delay: 60_000 });
    await leave({ tools: [tool('a', () => 'ok')] }, isIn(1));
    expect(http.server.requests.map(({ outcome }) => outcome)).toEqual(['complete', 'client-left']);
  });

  it("aborts a tool's promise", async () => {
    const work = new Work();
    http.server.reply(call);
    const a = tool('a', (_, context) => work.promise(context));
    await leave({ tools: [a], timeout: 60_000 }, () => work.signal !== undefined);
    expect(work.signal?.aborted).toBe(true);
  });

  it('aborts and unsubscribes the Observable of a tool, also one from a promise', async () => {
    for (const isAsync of [false, true]) {
      const work = new Work();
      http.server.reply(call);
      const a = tool('a', (_, context) => {
        const result = work.forEver(context);
        return isAsync ? Promise.resolve(result) : result;
      });
      await leave({ tools: [a], timeout: 60_000 }, () => work.signal !== undefined);
      expect(work).toMatchObject({ isLeft: true, signal: { aborted: true } });
    }
  });

  it('aborts calls that wait for `concurrency`, before they start', async () => {
    const [first, second] = [new Work(), new Work()];
    http.server.reply(call.toolUse('b', { n: 2 }));
    const a = tool('a', (_, context) => first.forEver(context));
    const b = tool('b', (_, context) => second.begin(context));
    await leave({ tools: [a, b], concurrency: 1 }, () => first.signal !== undefined);
    expect(first.signal?.aborted).toBe(true);
    expect(second.signal).toBe(undefined);
  });

  it('unsubscribes an approval', async () => {
    const work = new Work();
    const runs: unknown[] = [];
    const a = tool('a', (input) => runs.push(input));
    http.server.reply(call);
    const approve = (_: unknown, context: ToolContext) => work.forEver(context);
    await leave({ tools: [a], approve }, () => work.signal !== undefined);
    expect(work).toMatchObject({ isLeft: true, signal: { aborted: true } });
    const promised = new Work();
    http.server.reply(call);
    await leave({ tools: [a], approve: (_, context) => promised.promise(context) }, () =>
      Boolean(promised.signal),
    );
    expect(promised.signal?.aborted).toBe(true);
    expect(runs).toEqual([]);
  });

  it('ends the wait of a retry', async () => {
    let isWaiting = false;
    http.server.reply({ events: call, fault: { kind: 'rst', beforeEvent: 3 } });
    await leave(
      { tools: [] },
      () => isWaiting,
      (turnParams) =>
        fromMessages(http.client, turnParams).pipe(
          messageTimeout({ liveness: 60_000 }),
          retryResumable<StreamEvent>({
            resume: () => NEVER,
            delay: 60_000,
            onRetry: () => (isWaiting = true),
          }),
        ),
    );
    expect(http.server.requests).toHaveLength(1);
  });

  it('during an event starts nothing that the event would have started', async () => {
    for (const type of ['message_stop', 'tool_start']) {
      const runs: unknown[] = [];
      const a = tool('a', (input) => runs.push(input));
      http.server.reply(call);
      await new Promise<void>((resolve) => {
        const subscription = runTools(http.client, params, { tools: [a] }).subscribe((event) => {
          if (event.type !== type) return;
          subscription.unsubscribe();
          resolve();
        });
      });
      expect(runs).toEqual([]);
    }
  });
});
