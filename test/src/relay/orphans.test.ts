import { continueFrom, type StreamEvent } from 'claude-rx';
import { createRelay, MemoryStore, type Relay, type RelayConfig } from 'claude-rx/relay';
import { messageEvents } from 'claude-rx/testing';
import { concat, from, NEVER, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ContinuingModel } from '../../support/continuingModel.ts';
import { failure, params } from '../../support/server.ts';
import { joinedBlocks } from '../../support/splicedReply.ts';
import { allOf, eventsIn, messageOf, useNodes } from './nodes.ts';

const node = useNodes();
const reply = [...messageEvents.text('Hello world, how are you?', { chunk: 3 })];
const resume: RelayConfig['resume'] = ({ request, partial }) =>
  from(new ContinuingModel(reply).answer(continueFrom(request, partial)));
const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** A reply whose node has died after six events, which nobody follows. */
async function orphan(store: MemoryStore): Promise<string> {
  const writer = node(store, { lease: 20 });
  const source = concat(from(reply.slice(0, 6)), NEVER);
  const { id } = await writer.relay.publish(source, { request: params });
  await pause(5);
  writer.kill();
  return id;
}

async function untilState(relay: Relay, id: string, state: string): Promise<void> {
  while ((await relay.status(id))!.state !== state) await pause(5);
}

describe('a reply whose node has died and that has no readers', () => {
  it('is continued by another node with `resume`', async () => {
    const store = new MemoryStore();
    const id = await orphan(store);
    const others = [1, 2, 3].map(() => node(store, { lease: 20, resume, orphans: undefined }));
    const { relay } = others[0]!;
    await untilState(relay, id, 'complete');
    const events = eventsIn(await allOf(relay.follow(id)));
    expect(events.filter(({ type }) => type === 'resume')).toHaveLength(1);
    expect(joinedBlocks(messageOf(events)!.content)).toEqual(
      joinedBlocks(messageOf(reply)!.content),
    );
  });

  it('is ended without `resume`, with the reply so far', async () => {
    const store = new MemoryStore();
    const id = await orphan(store);
    const { relay } = node(store, { lease: 20, orphans: undefined });
    await untilState(relay, id, 'error');
    const error = await failure(relay.follow(id));
    expect(error).toMatchObject({ code: 'connection' });
    expect(error.partial).toEqual(messageOf(reply.slice(0, 6)));
  });

  it('is ended after maxTakeOvers', async () => {
    const store = new MemoryStore();
    const id = await orphan(store);
    const { relay } = node(store, { lease: 20, resume, maxTakeOvers: 0, orphans: 'resume' });
    await untilState(relay, id, 'error');
  });

  it('is left to the next reader with `keep`', async () => {
    const store = new MemoryStore();
    const id = await orphan(store);
    const { relay } = node(store, { lease: 20, resume });
    await pause(150);
    expect(await relay.status(id)).toMatchObject({ state: 'lost' });
    expect(await allOf(relay.follow(id))).not.toHaveLength(0);
  });

  it('is left to its writer if the writer was only late', async () => {
    const store = new MemoryStore();
    const writer = node(store, { lease: 60 });
    const source = new Subject<StreamEvent>();
    const { id, concluded } = await writer.relay.publish(source);
    const { relay } = node(store, { lease: 60, orphans: 'end' });
    for (const event of reply) {
      source.next(event);
      await pause(15);
    }
    source.complete();
    expect(await concluded).toEqual({ state: 'complete' });
    expect(await relay.status(id)).toMatchObject({ state: 'complete' });
  });
});

it('a writer whose reply was ended by another node reports that ending', async () => {
  const store = new MemoryStore();
  const first = node(store);
  const { id, concluded } = await first.relay.publish(new Subject<StreamEvent>());
  await node(store).relay.stop(id, 'enough');
  expect(await concluded).toMatchObject({
    state: 'stopped',
    error: { code: 'aborted', message: 'The reply was stopped: enough' },
  });
});

it('refuses an invalid option `orphans`', () => {
  expect(() => createRelay({ orphans: 'sweep' as never })).toThrow(/'resume', 'end' or 'keep'/);
  expect(() => createRelay({ orphans: 'resume' })).toThrow(/needs the option `resume`/);
});
