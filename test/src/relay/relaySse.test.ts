import { fromResponse, messageTimeout, MessageStreamError, type StreamEvent } from 'claude-rx';
import { fromRelay, MemoryStore, type Relay, relaySse, type RelayRequest } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import fc from 'fast-check';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { concat, from, NEVER, Subject, take, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { trickyReply } from '../../support/continuingModel.ts';
import { failure, received, until } from '../../support/server.ts';
import { serve, useHttpServers } from '../../support/httpServers.ts';
import { allOf, messageOf, paced, useNodes } from './nodes.ts';

const node = useNodes();
const listen = useHttpServers();
const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const everyone = { authorize: () => true };
const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** The id in the path of a request. */
const idIn = ({ url = '' }: IncomingMessage) =>
  decodeURIComponent(new URL(url, 'http://x').pathname.slice(1));

/** Serves a relay; `cut` says after how many bytes of its answer a connection is lost. */
async function served(
  relay: Relay,
  { cut = () => Infinity, web = false }: { cut?: () => number; web?: boolean } = {},
) {
  const asked: string[] = [];
  const sse = relaySse(relay, { ...everyone, heartbeat: 1_000 });
  const { url } = await listen((request, response) => {
    asked.push(request.url!);
    cutAfter(response, cut());
    const id = idIn(request);
    if (!web) return void sse.pipeToResponse(request, response, id);
    const headers = new Headers(request.headers as Record<string, string>);
    const webRequest = new Request(`http://x${request.url}`, { headers });
    const answerIt = async () => {
      const answer = await sse.toResponse(webRequest, id);
      if (answer.body) serve(answer, response);
      else response.writeHead(answer.status, Object.fromEntries(answer.headers)).end();
    };
    void answerIt();
  });
  return { asked, at: (id: string) => `${url}/${encodeURIComponent(id)}` };
}

function cutAfter(response: ServerResponse, bytes: number): void {
  if (bytes === Infinity) return;
  const { write } = response;
  let left = bytes;
  response.write = ((chunk: string) => {
    const data = Buffer.from(chunk);
    if (data.length <= left) {
      left -= data.length;
      return write.call(response, data, 'utf8');
    }
    write.call(response, data.subarray(0, left), 'utf8', () => response.destroy());
    return false;
  }) as typeof write;
}

const quick = { delay: 0, count: Infinity };

describe.each([
  ['a Node response', false],
  ['a web Response', true],
])('relaySse, with %s', (_kind, web) => {
  it('serves a reply to fromRelay unchanged, live and late', async () => {
    const { relay } = node();
    const { at } = await served(relay, { web });
    const source = new Subject<StreamEvent>();
    const { id } = await relay.publish('a/b ü?', source);
    const live: StreamEvent[] = [];
    const following = fromRelay(at(id)).subscribe((event) => live.push(event));
    source.next(reply[0]!);
    await until(() => live.length === 1);
    for (const [index, event] of reply.slice(1).entries()) {
      source.next(event);
      await until(() => live.length === index + 2);
    }
    source.complete();
    expect(live).toEqual(reply);
    await until(() => following.closed);
    expect(messageOf(await allOf(fromRelay(at(id))))).toEqual(messageOf(reply));
    expect(messageOf(await allOf(fromResponse(fetch(at(id)))))).toEqual(messageOf(reply));
  });

  it('serves the error of the source, and the reader does not reconnect', async () => {
    const { relay } = node();
    const { at, asked } = await served(relay, { web });
    const init = { code: 'overloaded', status: 529, requestId: 'req_1', retryAfterMs: 5 } as const;
    const error = new MessageStreamError('Overloaded', init);
    const { id } = await relay.publish(
      concat(
        paced(reply.slice(0, 5)),
        throwError(() => error),
      ),
    );
    const got = await failure(fromRelay(at(id), quick));
    expect(got).toMatchObject({ message: 'The model is overloaded.', retryable: true, ...init });
    expect(got.partial).toEqual(messageOf(reply.slice(0, 5)));
    expect(asked).toHaveLength(1);
  });

  it('answers 204 only to a reader who has the whole reply', async () => {
    const { relay } = node();
    const { at } = await served(relay, { web });
    const { id, concluded } = await relay.publish(from(reply));
    await concluded;
    const text = await (await fetch(at(id))).text();
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, offset]) => offset!);
    // As an `EventSource` asks that has read to the end.
    const again = await fetch(at(id), { headers: { 'last-event-id': ids.at(-1)! } });
    expect([again.status, await again.text()]).toEqual([204, '']);
    const query = await fetch(`${at(id)}?after=${ids.at(-1)}`);
    expect(query.status).toBe(204);
    // The header is newer than the address.
    const both = await fetch(`${at(id)}?after=${ids.at(-1)}`, {
      headers: { 'last-event-id': ids[0]! },
    });
    expect(both.status).toBe(200);
    expect(await both.text()).not.toContain('message_start');
  });

  it('is not taken for a whole reply by a reader that has nothing of it', async () => {
    const fetch = async () => new Response(null, { status: 204 });
    const error = await failure(fromRelay('http://example.com/a', { ...quick, fetch }));
    expect(error).toMatchObject({ code: 'protocol', retryable: false, status: 204 });
    const known = fromRelay('http://example.com/a', { ...quick, fetch, after: 'x.1' });
    expect(await received(known)).toEqual([]);
  });

  it('answers 204 also after an error was received', async () => {
    const { relay } = node();
    const { at } = await served(relay, { web });
    const broken = throwError(() => new MessageStreamError('Overloaded', { code: 'overloaded' }));
    const { id } = await relay.publish(concat(from(reply.slice(0, 3)), broken));
    const text = await (await fetch(at(id))).text();
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, offset]) => offset!);
    expect(text).toMatch(/event: error\n/);
    expect(new Set(ids).size).toBe(4);
    const again = async (offset: string) => fetch(at(id), { headers: { 'last-event-id': offset } });
    expect((await again(ids.at(-1)!)).status).toBe(204);
    expect(await (await again(ids.at(-2)!)).text()).toMatch(/overloaded/);
  });

  it.each([
    ['an id that is not known', 'nothing', '', 404],
    ['an offset that is forged', 'known', '?after=x.1', 400],
  ])('refuses %s with a typed error', async (_what, id, query, status) => {
    const { relay } = node();
    const { at, asked } = await served(relay, { web });
    await relay.publish('known', from(reply));
    const response = await fetch(at(id) + query);
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(JSON.stringify(await response.json())).not.toMatch(/Hello/);
    const error = await failure(fromRelay(at(id) + query, quick));
    expect(error).toMatchObject({ code: 'request', status, retryable: false });
    expect(asked).toHaveLength(2);
  });

  it('answers 503 while the store is unavailable, and the reader reconnects', async () => {
    const own = node(undefined, { patience: 30 });
    const { at } = await served(own.relay, { web });
    await own.relay.publish('x', from(reply));
    await pause(5);
    own.setAway(true);
    expect((await fetch(at('x'))).status).toBe(503);
    const failures: number[] = [];
    const reading = allOf(
      fromRelay(at('x'), {
        delay: 10,
        onReconnect: ({ attempt, error }) => {
          const count = attempt - 1;
          failures.push(count);
          expect(error).toMatchObject({ code: 'connection', retryable: true });
          if (count === 2) own.setAway(false);
        },
      }),
    );
    expect(messageOf(await reading)).toEqual(messageOf(reply));
    expect(failures).toEqual([1, 2]);
  });

  it('continues the reply when a reader disconnects', async () => {
    const { relay } = node();
    const { at } = await served(relay, { web });
    const { id, concluded } = await relay.publish(paced(reply, 3));
    await allOf(fromRelay(at(id)).pipe(take(2)));
    expect(await concluded).toEqual({ state: 'complete' });
  });

  it('ends all readers when the reply is stopped', async () => {
    const { relay } = node();
    const { at, asked } = await served(relay, { web });
    const { id } = await relay.publish(concat(from(reply.slice(0, 5)), NEVER));
    const reading = failure(fromRelay(at(id), quick));
    await pause(30);
    await relay.stop(id, 'a person');
    expect(await reading).toMatchObject({ code: 'aborted', retryable: false });
    expect((await reading).partial).toEqual(messageOf(reply.slice(0, 5)));
    expect(asked).toHaveLength(1);
  });
});

describe('authorization', () => {
  const ask = (
    relay: Relay,
    id: string,
    authorize?: (request: RelayRequest, id: string) => boolean,
  ) => relaySse(relay, authorize && { authorize }).toResponse(new Request('http://x/'), id);

  it('happens before any lookup', async () => {
    const own = node();
    const { id } = await own.relay.publish('mine', from(reply));
    await pause(5);
    const before = { ...own.calls };
    for (const one of [id, 'nothing']) {
      const response = await ask(own.relay, one, () => false);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ error: { type: 'permission_error' } });
    }
    expect(own.calls).toEqual(before);
    const seen: unknown[] = [];
    const allowed = await ask(own.relay, id, (request, asked) => seen.push(request, asked) > 0);
    expect(allowed.status).toBe(200);
    await allowed.body!.cancel();
    expect(seen).toEqual([expect.any(Request), id]);
  });

  it('without authorize serves only ids that cannot be guessed', async () => {
    const { relay } = node();
    const { id } = await relay.publish(from(reply));
    await relay.publish('chat-42', from(reply));
    const own = await ask(relay, id);
    expect(own.status).toBe(200);
    await own.body!.cancel();
    expect((await ask(relay, 'chat-42')).status).toBe(403);
  });

  it('passes errors of authorize to the framework', async () => {
    const { relay } = node();
    const sse = relaySse(relay, { authorize: () => Promise.reject(new Error('no session store')) });
    const request = new Request('http://x/');
    await expect(sse.toResponse(request, 'x')).rejects.toThrow('no session store');
  });
});

describe('fromRelay', () => {
  it('emits each event once, wherever connections are lost', async () => {
    const events = [...trickyReply(160)];
    const { relay } = node();
    const cuts: number[] = [];
    const { at } = await served(relay, { cut: () => cuts.shift() ?? Infinity });
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await relay.publish(source);
    for (const event of events) source.next(event);
    source.complete();
    await concluded;
    const length = (await (await fetch(at(id))).text()).length;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: length }), { maxLength: 12 }),
        async (bytes) => {
          cuts.splice(0, Infinity, ...bytes);
          expect(messageOf(await allOf(fromRelay(at(id), quick)))).toEqual(messageOf(events));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('emits each event once if a live connection is lost at any byte', async () => {
    const { relay } = node();
    let cut = Infinity;
    const { at, asked } = await served(relay, { cut: () => cut });
    const { id: first } = await relay.publish(from(reply));
    const frames = (await (await fetch(at(first))).text()).split('\n\n');
    // With that much, each connection brings at least one event.
    const least = Math.max(...frames.map(({ length }) => length)) + 2;
    for (cut = least; cut < least + 200; cut += 7) {
      const { id } = await relay.publish(paced(reply, 0));
      expect(messageOf(await allOf(fromRelay(at(id), quick)))).toEqual(messageOf(reply));
    }
    expect(asked.length).toBeGreaterThan(60);
  });

  it.each([
    ['ends', ''],
    ['is followed by a page', '<!DOCTYPE html>\n\n<h1>Bad gateway</h1>\n\n'],
  ])('reconnects if the frame of an error is cut and the body %s', async (_, glued) => {
    const { relay } = node();
    const broken = new MessageStreamError('Overloaded', { code: 'overloaded', retryable: true });
    const source = concat(
      from(reply.slice(0, 5)),
      throwError(() => broken),
    );
    const { id, concluded } = await relay.publish(source);
    await concluded;
    const { at, asked } = await served(relay);
    const { headers, text } = await fetch(at(id)).then(async (response) => ({
      headers: response.headers,
      text: await response.text(),
    }));
    const start = text.lastIndexOf('\n\n', text.length - 3) + 2;
    expect(text.slice(start)).toMatch(/event: error\n/);
    // What follows the line `event: error` without any of its JSON is the text of an error.
    const begin = glued === '' ? start : text.indexOf('{', start) + 1;
    for (let cut = begin; cut < text.length; cut += cut < text.length - 8 ? 7 : 1) {
      asked.length = 0;
      const bodies = [text.slice(0, cut) + glued];
      const error = await failure(
        fromRelay(at(id), {
          ...quick,
          fetch: (url, init) => {
            const body = bodies.shift();
            return body === undefined
              ? fetch(url, init)
              : Promise.resolve(new Response(body, { headers }));
          },
        }),
      );
      expect([cut, error.code, error.partial]).toEqual([
        cut,
        'overloaded',
        messageOf(reply.slice(0, 5)),
      ]);
      // A frame that is whole but for its blank line is whole when the page brings one.
      if (glued === '' || cut < text.length - 2) expect([cut, asked.length]).toEqual([cut, 1]);
    }
  });

  it('reconnects to another node, and continues there', async () => {
    const store = new MemoryStore();
    const nodes = [node(store), node(store)];
    const source = new Subject<StreamEvent>();
    const { id } = await nodes[0]!.relay.publish(source);
    const [one, other] = await Promise.all(
      nodes.map(({ relay }) => served(relay, { cut: () => 900 })),
    );
    const urls: string[] = [];
    let asked = 0;
    const reading = allOf(
      fromRelay('http://nowhere/', {
        ...quick,
        fetch: (url, init) => {
          urls.push(url);
          const { search } = new URL(url);
          return fetch([one!, other!][asked++ % 2]!.at(id) + search, init);
        },
      }),
    );
    for (const event of reply) {
      source.next(event);
      await pause(2);
    }
    source.complete();
    expect(messageOf(await reading)).toEqual(messageOf(reply));
    expect(asked).toBeGreaterThan(1);
    expect(urls[0]).toBe('http://nowhere/');
    expect(urls[1]).toMatch(/^http:\/\/nowhere\/\?after=/);
  });

  it('reconnects after a silence without heartbeats', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish(from(reply));
    await concluded;
    const { at } = await served(relay);
    let asked = 0;
    const dead = () =>
      new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } });
    const events = await allOf(
      fromRelay(at(id), {
        ...quick,
        liveness: 40,
        fetch: (url, init) => (asked++ === 0 ? Promise.resolve(dead()) : fetch(url, init)),
      }),
    );
    expect(messageOf(events)).toEqual(messageOf(reply));
    expect(asked).toBe(2);
  });

  it('stays connected with heartbeats, and emits them as pings', async () => {
    const { relay } = node();
    const { id } = await relay.publish(concat(from(reply.slice(0, 3)), NEVER));
    const sse = relaySse(relay, { heartbeat: 15 });
    const { url } = await listen(
      (request, response) => void sse.pipeToResponse(request, response, idIn(request)),
    );
    let pings = 0;
    const reading = fromRelay(`${url}/${id}`, { liveness: 500 })
      .pipe(messageTimeout({ liveness: 500 }))
      .subscribe(({ type }) => type === 'ping' && pings++);
    await until(() => pings > 5);
    reading.unsubscribe();
  });

  it('errors after `count` failures in a row, with the reply so far', async () => {
    const { relay } = node();
    const { id } = await relay.publish(concat(from(reply.slice(0, 5)), NEVER));
    const { at } = await served(relay);
    let asked = 0;
    const waits: number[] = [];
    const error = await failure(
      fromRelay(at(id), {
        count: 3,
        delay: (_, failures) => failures,
        onReconnect: ({ delay }) => waits.push(delay),
        fetch: async (url, init) => {
          if (asked++ > 0) throw new TypeError('fetch failed');
          const response = await fetch(url, init);
          setTimeout(() => response.body && void relay.close(), 20);
          return response;
        },
      }),
    );
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(error.partial).toEqual(messageOf(reply.slice(0, 5)));
    expect(waits).toEqual([1, 2, 3]);
    expect(asked).toBe(4);
  });

  it('closes the socket on unsubscribe, also while it waits', async () => {
    const { relay } = node();
    const { id } = await relay.publish(concat(from(reply.slice(0, 3)), NEVER));
    let closed = 0;
    const sse = relaySse(relay, everyone);
    const { url } = await listen((request, response) => {
      response.on('close', () => closed++);
      void sse.pipeToResponse(request, response, idIn(request));
    });
    const got: StreamEvent[] = [];
    const reading = fromRelay(`${url}/${id}`).subscribe((event) => got.push(event));
    await until(() => got.length === 3);
    reading.unsubscribe();
    await until(() => closed === 1);
    let asked = 0;
    const waiting = fromRelay('http://x/', {
      delay: 20,
      fetch: () => (asked++, Promise.reject(new TypeError('fetch failed'))),
    }).subscribe();
    await until(() => asked === 1);
    waiting.unsubscribe();
    await pause(50);
    expect(asked).toBe(1);
  });

  it('errors when its signal aborts, and the reply goes on', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish(paced(reply, 4));
    const { at } = await served(relay);
    const abort = new AbortController();
    const reading = failure(fromRelay(at(id), { signal: abort.signal }));
    await pause(25);
    abort.abort(new Error('enough'));
    expect(await reading).toMatchObject({ code: 'aborted' });
    expect(await concluded).toEqual({ state: 'complete' });
  });

  it('continues from a given offset', async () => {
    const { relay } = node();
    const { id, concluded } = await relay.publish(from(reply));
    await concluded;
    const [, second] = await allOf(relay.follow(id).pipe(take(2)));
    const { at, asked } = await served(relay);
    const url = `${at(id)}?a=1#part`;
    const rest = await allOf(fromRelay(url, { after: second!.offset }));
    expect(messageOf([...reply.slice(0, 2), ...rest])).toEqual(messageOf(reply));
    expect(asked[0]).toMatch(/\?a=1&after=/);
  });

  it('reads a reply of several messages to its end', async () => {
    const { relay } = node();
    const events = [...reply, ...messageEvents.with({ id: 'msg_2' }).text('And more')];
    const { id } = await relay.publish(paced(events));
    let cut = 700;
    const { at } = await served(relay, { cut: () => (cut += 300) });
    const got = await allOf(fromRelay(at(id), quick));
    expect(got.filter(({ type }) => type === 'message_stop')).toHaveLength(2);
    expect(messageOf(got)).toEqual(messageOf(events));
  });

  it.each([
    [7, {}],
    ['/x', { count: -1 }],
    ['/x', { delay: -1 }],
    ['/x', { liveness: 0 }],
    ['/x', { fetch: 'fetch' }],
  ])('checks its arguments: %j %j', (url, options) => {
    expect(() => fromRelay(url as string, options as object)).toThrow(TypeError);
  });
});

it('sends to a slow reader no faster than it reads', async () => {
  const own = node();
  const events = [...messageEvents.text('')];
  const many = Array.from({ length: 4_000 }, (_, index) => ({
    type: 'tick',
    index,
    x: 'x'.repeat(2_000),
  }));
  const { id, concluded } = await own.relay.publish(from([events[0]!, ...many] as StreamEvent[]));
  await concluded;
  const sse = relaySse(own.relay);
  const server = createServer(
    (request, response) => void sse.pipeToResponse(request, response, idIn(request)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const response = await new Promise<IncomingMessage>((resolve) =>
    get(`http://127.0.0.1:${port}/${id}`, resolve),
  );
  response.pause();
  await pause(150);
  const reads = own.calls['read']!;
  // Of 8 MB, what the sockets hold was read, and no more.
  expect(reads).toBeLessThan(14);
  await pause(50);
  expect(own.calls['read']).toBe(reads);
  let length = 0;
  for await (const chunk of response) length += (chunk as Buffer).length;
  expect(length).toBeGreaterThan(8_000_000);
  await new Promise((resolve) => server.close(resolve));
});
