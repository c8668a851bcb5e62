import { type StreamEvent, toSse } from 'claude-rx';
import { createRelay, MemoryStore, type RelayStore } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { from, lastValueFrom, map, reduce, Subject } from 'rxjs';
import { expect, it, vi } from 'vitest';
import { until } from '../../support/server.ts';

const FOLLOWERS = 1_000;
const reply = [...messageEvents.toolUse('search', { query: 'x' })];

it('1,000 readers of a reply on a node need one encoding per event and one watch', async () => {
  const memory = new MemoryStore();
  let watches = 0;
  const store = new Proxy(memory, {
    get(target, name: keyof RelayStore) {
      if (name === 'watch') watches++;
      return (target[name] as () => unknown).bind(target);
    },
  });
  const relay = createRelay({ store });
  const source = new Subject<StreamEvent>();
  const { id } = await relay.publish(source);
  let joined = 0;
  const texts = Array.from({ length: FOLLOWERS }, async () => {
    const frames = relay.follow(id, { keepContent: false }).pipe(
      map(({ event }) => event),
      toSse({ id: false }),
      reduce((text, frame) => text + frame, ''),
    );
    joined++;
    return lastValueFrom(frames);
  });
  await until(() => joined === FOLLOWERS && watches > 0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const written = vi.spyOn(JSON, 'stringify');
  from(reply).subscribe(source);
  const [first, ...others] = await Promise.all(texts);
  const encoded = written.mock.calls.map(([value]) => (value as { type?: unknown })?.type);
  written.mockRestore();
  await relay.close();
  expect(new Set(others)).toEqual(new Set([first]));
  expect(first).toContain('"input_json_delta"');
  const count = (type: string) => encoded.filter((one) => one === type).length;
  expect(count('message_start')).toBe(1);
  expect(count('content_block_start')).toBe(1);
  expect(watches).toBe(1);
});

it('sends no request to the store for a reply that is already followed on this node', async () => {
  const memory = new MemoryStore();
  const head = vi.spyOn(memory, 'head');
  const relay = createRelay({ store: memory });
  const source = new Subject<StreamEvent>();
  const { id } = await relay.publish(source);
  const follow = () => {
    const offsets: string[] = [];
    const done = lastValueFrom(relay.follow(id).pipe(map(({ offset }) => offsets.push(offset))));
    return { offsets, done };
  };
  const first = follow();
  from(reply.slice(0, 3)).subscribe((event) => source.next(event));
  await until(() => first.offsets.length === 3);
  const asked = head.mock.calls.length;
  const others = [follow(), follow()];
  await until(() => others.every(({ offsets }) => offsets.length === 3));
  const after = relay.follow(id, { after: first.offsets[1]! });
  const rest = lastValueFrom(after.pipe(reduce((count) => count + 1, 0)));
  expect(head.mock.calls.length).toBe(asked);
  from(reply.slice(3)).subscribe(source);
  await Promise.all([first, ...others].map(({ done }) => done));
  for (const { offsets } of others) expect(offsets).toEqual(first.offsets);
  expect(await rest).toBe(reply.length - 2);
  await relay.close();
});
