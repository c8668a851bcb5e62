import type { Message } from '@anthropic-ai/sdk/resources/messages/messages';
import { MessageBuilder, MessageStreamError, requireMessageStop } from 'claude-rx';
import { finalMessage } from 'claude-rx/operators/finalMessage';
import fc from 'fast-check';
import { catchError, concat, from, NEVER, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { drawn } from '../diagrams/drawn.ts';
import { marbles } from '../support/marbles.ts';
import {
  messageDelta,
  messageStart,
  messageStop,
  outcomeOf,
  reply,
  stop,
  text,
  textStart,
  usage,
} from './events.ts';

const events = {
  m: messageStart(),
  '[': textStart(0),
  a: text(0, 'Hel'),
  b: text(0, 'lo'),
  ']': stop(0),
  x: messageDelta(),
  S: messageStop,
};

const M: Message = {
  ...(events.m as { message: Message }).message,
  content: [{ type: 'text', text: 'Hello', citations: null }],
  stop_reason: 'end_turn',
  usage: usage(25, 15),
};
/** The errors by their code alone. */
const codes = catchError((error: MessageStreamError) => throwError(() => error.code));

describe('finalMessage', () => {
  it(
    'emits the whole message at message_stop, and completes',
    drawn(
      'finalMessage',
      marbles((m) => {
        const source = m.cold('--m--[--a--b--]--x--S-----', events);
        const result = '       --------------------(M|)';
        m.expect(source.pipe(finalMessage())).toBeObservable(result, { M });
        m.expect(source).toHaveSubscriptions('^-------------------!');
      }),
    ),
  );

  it(
    'errors when the source completes before message_stop',
    drawn(
      'finalMessage-truncated',
      marbles((m) => {
        const source = m.cold('--m--[--a--|', events);
        const result = '       -----------#';
        m.expect(source.pipe(finalMessage(), codes)).toBeObservable(result, { M }, 'truncated');
        m.expect(source).toHaveSubscriptions('^----------!');
      }),
      { title: 'finalMessage()' },
    ),
  );

  it(
    'errors for an empty source',
    marbles((m) => {
      const source = m.cold('--|', events);
      const result = '       --#';
      m.expect(source.pipe(finalMessage(), codes)).toBeObservable(result, { M }, 'truncated');
    }),
  );

  it(
    'errors without message_start',
    marbles((m) => {
      const source = m.cold('--[--a--S--', events);
      const result = '       --------#';
      m.expect(source.pipe(finalMessage(), codes)).toBeObservable(result, { M }, 'protocol');
      m.expect(source).toHaveSubscriptions('^-------!');
    }),
  );

  it('adds the partial message to the error', () => {
    const { values, error } = outcomeOf(
      from([events.m, events['['], events.a]).pipe(finalMessage()),
    );
    expect(values).toEqual([]);
    expect(error).toMatchObject({ code: 'truncated', partial: { content: [{ text: 'Hel' }] } });
  });

  it('adds the partial message to an error of the source', () => {
    const lost = new TypeError('terminated');
    const arrived = from([events.m, textStart(0, 'Hel')]);
    const broken = concat(
      arrived,
      throwError(() => lost),
    );
    const { values, error } = outcomeOf(broken.pipe(finalMessage()));
    expect(values).toEqual([]);
    expect(error).toBeInstanceOf(MessageStreamError);
    expect(error).toMatchObject({ code: 'connection', cause: lost });
    expect((error as MessageStreamError).partial?.content).toHaveLength(1);
  });

  it(
    'unsubscribes from the source',
    marbles((m) => {
      const source = m.hot(' --m--[--a--b--]--x--S|', events);
      const unsubscribe = '  ---------!';
      m.expect(source.pipe(finalMessage()), unsubscribe).toBeObservable('----------');
      m.expect(source).toHaveSubscriptions('^--------!');
    }),
  );

  it('emits the first of several messages', () => {
    const all = [events.m, messageStop, messageStart('msg_2'), messageStop];
    const { values, completed } = outcomeOf(from(all).pipe(finalMessage()));
    expect(values.map(({ id }) => id)).toEqual(['msg_1']);
    expect(completed).toBe(true);
  });

  it('works without message_stop after requireMessageStop', () => {
    const all = from([events.m, events.x]);
    const lenient = all.pipe(requireMessageStop({ allowMissing: true }), finalMessage());
    expect(outcomeOf(lenient).values).toMatchObject([{ stop_reason: 'end_turn' }]);
  });

  it('builds a message for each subscription', () => {
    const once = from([events.m, textStart(0, 'Hi'), messageStop]).pipe(finalMessage());
    expect(outcomeOf(once).values[0]?.content).toHaveLength(1);
    expect(outcomeOf(once).values[0]?.content).toHaveLength(1);
  });

  it('emits the message that a MessageBuilder builds, for any reply', () => {
    fc.assert(
      fc.property(reply, (all) => {
        const builder = new MessageBuilder();
        for (const event of all) builder.push(event);
        builder.push(messageStop);
        const { values, completed } = outcomeOf(
          concat(from([...all, messageStop]), NEVER).pipe(finalMessage()),
        );
        expect(values).toStrictEqual([builder.message]);
        expect(completed).toBe(true);
      }),
    );
  });
});
