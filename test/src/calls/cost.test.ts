import { type AnyStreamEvent, MessageBuilder, type StreamEvent } from 'claude-rx';
import * as operators from 'claude-rx/operators';
import { type Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { messageDelta, messageStart, messageStop, raw } from '../../operators/events.ts';
import { visitsOf } from '../../support/visits.ts';

const start = (index: number, type: string) => ({
  type: 'content_block_start',
  index,
  content_block: { type, id: `t${index}`, name: 'a', ...(type === 'text' && { text: '' }) },
});
const input = (index: number | string, partial_json = '{"n":1}') => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json },
});
const text = (index: number | string) => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'text_delta', text: 'a' },
});
const stop = (index: number | string) => ({ type: 'content_block_stop', index });

type Write = (index: number, count: number) => object[];

/** Ways to write many blocks: what comes at the first pass over them, at the second and the third. */
const ways: Record<string, Write[]> = {
  'one after the other': [(n) => [start(n, 'tool_use'), input(n), stop(n)]],
  'written in turns': [
    (n) => [start(n, 'tool_use')],
    (n) => [input(n, '{"n":')],
    (n) => [input(n, '1}'), stop(n)],
  ],
  'without stops': [(n) => [start(n, 'tool_use'), input(n)]],
  'texts without starts': [(n) => [text(n)]],
  'texts without starts, whose indices are no numbers': [(n) => [text(`x${n}`)]],
  'texts and calls in turns': [
    (n) => [start(n, n % 2 ? 'text' : 'tool_use'), n % 2 ? text(n) : input(n)],
  ],
  'inputs with wrong indices': [
    (n) => [start(n, 'tool_use')],
    (n, count) => [input(n + count)],
    (n) => [stop(n)],
  ],
  'stops with wrong indices': [(n, count) => [start(n, 'tool_use'), input(n), stop(n + count)]],
  'stop reasons again and again': [
    (n) => [start(n, 'tool_use'), input(n), stop(n)],
    () => [messageDelta('max_tokens')],
  ],
};

function written(way: readonly Write[], count: number): StreamEvent[] {
  const blocks = Array.from({ length: count }, (_, index) => index);
  const events = way.flatMap((write) => blocks.flatMap((index) => write(index, count)));
  return [messageStart(), ...events.map(raw), messageDelta('tool_use'), messageStop];
}

type Operator = (source: Observable<StreamEvent>) => Observable<unknown>;

/** What follows blocks event by event. (A snapshot of the message is a list of all its blocks.) */
const followers: Record<string, Operator> = {
  contentBlocks: operators.contentBlocks(),
  finalMessage: operators.finalMessage(),
  messageTimeout: operators.messageTimeout({ total: 60_000 }),
  requireMessageStop: operators.requireMessageStop(),
  retryResumable: operators.retryResumable<StreamEvent>({ resume: () => [], count: 0 }),
  textOnly: operators.textOnly(),
  toolInput: operators.toolInput('a'),
  toolUses: operators.toolUses(),
};

function pushed(events: readonly AnyStreamEvent[]): void {
  const builder = new MessageBuilder<AnyStreamEvent>();
  for (let at = 0; at < events.length; at++) builder.push(events[at]!);
}

function followed(operator: Operator, events: readonly StreamEvent[]): void {
  const source = new Subject<StreamEvent>();
  const subscription = operator(source).subscribe({ error: () => {} });
  for (let at = 0; at < events.length; at++) source.next(events[at]!);
  subscription.unsubscribe();
}

describe.each(Object.entries(ways))('ten times as many blocks, %s,', (_, way) => {
  const few = written(way, 60);
  const many = written(way, 600);
  const work = (follow: (events: readonly StreamEvent[]) => void, events: readonly StreamEvent[]) =>
    events.length + visitsOf(() => follow(events));
  const times = (follow: (events: readonly StreamEvent[]) => void) =>
    work(follow, many) / work(follow, few);

  it('cost about ten times as many visits of blocks: MessageBuilder', () => {
    expect(times(pushed)).toBeLessThan(13);
  });

  it.each(Object.entries(followers))(
    'cost about ten times as many visits of blocks: %s',
    (_, operator) => {
      expect(times((events) => followed(operator, events))).toBeLessThan(13);
    },
  );
});
