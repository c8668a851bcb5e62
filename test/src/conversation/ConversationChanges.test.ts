import type { StreamEvent } from 'claude-rx';
import {
  Conversation,
  type ConversationChanges,
  type ConversationOptions,
} from 'claude-rx/conversation';
import { messageEvents } from 'claude-rx/testing';
import { defineTool } from 'claude-rx/tools';
import fc from 'fast-check';
import { concat, from, lastValueFrom, NEVER, Observable, of, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rounds } from '../../support/rounds.ts';

const params = { model: 'claude-opus-5-5', max_tokens: 1_024 };
const yes = [...messageEvents.text('Yes.')];
const look = defineTool({
  name: 'look',
  description: 'x',
  input: z.object({}),
  run: () => concat(of(1), of(2)),
});
const ask = defineTool({ name: 'ask', description: 'x', input: z.object({}) });

/** A conversation whose replies are given in turn, the last again and again. */
function talk(replies: readonly (readonly StreamEvent[])[], options: ConversationOptions = {}) {
  let count = 0;
  const source = () => from(replies[Math.min(count++, replies.length - 1)]!);
  return { source, conversation: new Conversation(source, params, options) };
}

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null');
const done = (reply: Observable<unknown>) =>
  lastValueFrom(reply, { defaultValue: undefined }).catch(() => undefined);
const restore = (log: readonly unknown[], options?: ConversationOptions) =>
  Conversation.fromChanges(log, () => from(yes), params, options);

describe('Conversation.changesSince', () => {
  it('returns only new messages, and undefined if there are none', async () => {
    const { conversation } = talk([yes]);
    expect(conversation.changesSince(0)).toBeUndefined();
    await done(conversation.send('One'));
    const first = conversation.changesSince(0)!;
    expect(first).toMatchObject({ since: 0, version: 1, keep: 0, usage: conversation.state.usage });
    expect(first.messages).toEqual(conversation.toJSON().messages);
    expect(conversation.changesSince(1)).toBeUndefined();
    await done(conversation.send('Two'));
    const second = conversation.changesSince(1)!;
    expect(second).toMatchObject({ since: 1, version: 2, keep: 2 });
    expect(second.messages).toEqual(conversation.toJSON().messages.slice(2));
    expect(conversation.changesSince(0)).toMatchObject({ since: 0, version: 2, keep: 0 });
  });

  it('has the number of messages that an edit keeps', async () => {
    const { conversation } = talk([yes]);
    for (const question of ['One', 'Two', 'Three']) await done(conversation.send(question));
    const { version } = conversation.changesSince(0)!;
    await done(conversation.edit(2, 'Another'));
    const changes = conversation.changesSince(version)!;
    expect(changes).toMatchObject({ keep: 2, messages: [{ role: 'user' }, { role: 'assistant' }] });
    expect(changes.messages[0]!.content).toEqual([{ type: 'text', text: 'Another' }]);
  });

  it('has a reply that is being written as stopped, until it is complete', () => {
    const open = new Conversation(() => concat(from(yes).pipe(take(4)), NEVER), params);
    const subscription = open.send('One').subscribe();
    const log = [json(open.changesSince(0))];
    expect(log).toMatchObject([{ messages: [{ role: 'user' }, { status: 'stopped' }] }]);
    expect(open.changesSince(1)).toBeUndefined();
    expect(json(restore(log))).toEqual(json(open));
    subscription.unsubscribe();
    log.push(json(open.changesSince(1)));
    expect(log[1]).toMatchObject({ keep: 1, messages: [{ status: 'stopped' }] });
    expect(json(restore(log))).toEqual(json(open));
  });

  it('has the results of calls that are answered after a reload', async () => {
    const calls = [...messageEvents.toolUse('ask', {}, { id: 'a' })];
    const options = { tools: [ask] };
    const { conversation } = talk([calls], options);
    await done(conversation.send('One'));
    const log = [json(conversation.changesSince(0))];
    const loaded = restore(log, options);
    expect(loaded.state.pending).toMatchObject([{ id: 'a' }]);
    expect(loaded.changesSince(1)).toBeUndefined();
    await done(loaded.answer([{ id: 'a', result: 'Lyon' }]));
    log.push(json(loaded.changesSince(1)));
    expect(log[1]).toMatchObject({ keep: 1, messages: [{ results: [{ content: 'Lyon' }] }, {}] });
    expect(json(restore(log, options))).toEqual(json(loaded));
  });

  it.each([1, -1, 0.5, Number.NaN, '0', undefined])('refuses the version %s', (version) => {
    const { conversation } = talk([yes]);
    expect(() => conversation.changesSince(version as number)).toThrow(TypeError);
    expect(() => conversation.changesSince(version as number)).toThrow(
      /^Conversation\.changesSince: .*version/,
    );
  });

  it('leads to the same document, after any operations', async () => {
    const replies = [
      yes,
      [...messageEvents.thinking('Hm', { signature: 'c2ln' }).text('So.')],
      [...messageEvents.text('Let me see').toolUse('look', {}, { id: 'a' })],
      [...messageEvents.toolUse('ask', {}, { id: 'b' })],
      [...messageEvents.text('Let me see').toolUse('look', { city: 'Lyon' }, { id: 'c' })].slice(
        0,
        7,
      ),
      [],
    ];
    const operation = fc.record({
      what: fc.constantFrom(
        'send',
        'send',
        'send',
        'regenerate',
        'edit',
        'system',
        'answer',
        'fork',
        'load',
      ),
      reply: fc.nat(replies.length - 1),
      events: fc.constantFrom(2, 5, 9, 1_000),
      index: fc.nat(6),
      save: fc.constantFrom('saved', 'saved', 'lost', 'unconfirmed', 'twice', 'not'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
        let next: readonly StreamEvent[] = yes;
        const source = () => from(next);
        const options = { tools: [look, ask], maxTurns: 2, prices: { input: 1, output: 2 } };
        let conversation = new Conversation(source, params, options);
        let log: unknown[] = [];
        let version = 0;
        const save = (how: string) => {
          const changes: ConversationChanges | undefined = conversation.changesSince(version);
          if (changes === undefined || how === 'lost') return;
          log.push(json(changes), ...(how === 'twice' ? [json(changes)] : []));
          if (how !== 'unconfirmed') version = changes.version;
        };
        for (const { what, reply, events, index, save: how } of operations) {
          next = replies[reply]!;
          const run = (reply$: Observable<unknown>) =>
            done(
              new Observable((subscriber) => {
                let seen = 0;
                return reply$.pipe(take(events)).subscribe({
                  next: () => {
                    if (seen++ === index && how === 'saved') save(how);
                  },
                  error: (error) => subscriber.error(error),
                  complete: () => subscriber.complete(),
                });
              }),
            );
          if (what === 'send') await run(conversation.send(`question ${index}`));
          if (what === 'regenerate') await run(conversation.regenerate());
          if (what === 'edit' && conversation.messages[index]?.role === 'user') {
            await run(conversation.edit(index, 'Another'));
          }
          if (what === 'system' && conversation.messages.length > 0) {
            conversation.addSystemMessage('Be brief.');
          }
          const { pending } = conversation.state;
          if (what === 'answer' && pending.length > 0) {
            await run(conversation.answer(pending.map(({ id }) => ({ id, result: 'x' }))));
          }
          if (what === 'fork') {
            conversation = conversation.fork(index);
            [log, version] = [[], 0];
          }
          if (what === 'load') {
            save('saved');
            conversation = Conversation.fromChanges(log, source, params, options);
            version = conversation.version;
          }
          save(how);
          if (how === 'not' || how === 'lost') continue;
          const document = json(conversation);
          expect(json(Conversation.fromChanges(log, source, params, options))).toEqual(document);
          const compacted = [conversation.changesSince(0) ?? []].flat().map(json);
          const loaded = Conversation.fromChanges(compacted, source, params, options);
          expect(json(loaded)).toEqual(document);
        }
      }),
      { numRuns: rounds(600) },
    );
  });
});

describe('Conversation.fromChanges', () => {
  const entry = {
    format: 'claude-rx/conversation-changes',
    since: 0,
    version: 1,
    writer: 'a',
    keep: 0,
    messages: [{ key: 'm1', role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
    usage: {
      input_tokens: 1,
      output_tokens: 2,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 4,
    },
  };

  it('accepts an empty log', async () => {
    const conversation = restore([]);
    expect(conversation.messages).toEqual([]);
    await done(conversation.send('Hi'));
    expect(conversation.changesSince(0)).toMatchObject({ version: 1, keep: 0 });
  });

  it('ignores entries that were appended twice, also late', async () => {
    const { conversation } = talk([yes]);
    await done(conversation.send('One'));
    const first = json(conversation.changesSince(0));
    await done(conversation.send('Two'));
    const both = json(conversation.changesSince(0));
    const loaded = restore([first, first, both, first]);
    expect(loaded.version).toBe(2);
    await done(loaded.send('Three'));
    const third = json(loaded.changesSince(2));
    expect(json(restore([first, both, third, both, first]))).toEqual(json(loaded));
  });

  it.each<[string, unknown, string]>([
    ['no list', entry, 'the log: must be a list'],
    ['no entry', [null], 'changes[0]: must be an object'],
    ['a document', [{ format: 'claude-rx/conversation' }], 'changes[0].format: must be'],
    ['no version', [{ ...entry, version: '1' }], 'changes[0].version: must be a whole number'],
    [
      'a gap',
      [entry, { ...entry, since: 2, version: 3 }],
      'changes[1].since: is 2, but the entries',
    ],
    [
      'a log that two have written',
      [entry, { ...entry, writer: 'b' }],
      'changes[1].since: is 0, but the entries before end with version 1: another process',
    ],
    ['too many kept', [{ ...entry, keep: 1 }], 'changes[0].keep: is 1, but there are 0 messages'],
    ['no messages', [{ ...entry, messages: {} }], 'changes[0].messages: must be a list'],
    ['no usage', [{ ...entry, usage: null }], 'usage: must be an object'],
    [
      'a message that is not valid',
      [{ ...entry, messages: [{ ...entry.messages[0], content: [] }] }],
      'messages[0].content: must not be empty',
    ],
  ])('refuses %s, with the path', (_, log, problem) => {
    expect(() => restore(log as never)).toThrow(TypeError);
    expect(() => restore(log as never)).toThrow(`Conversation.fromChanges: ${problem}`);
  });
});
