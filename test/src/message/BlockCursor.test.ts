import { describe, expect, it } from 'vitest';
import { BlockCursor } from '../../../src/message/BlockCursor.ts';
import { unfinishedInput } from '../../../src/message/BlockBuilder.ts';
import {
  callBlock,
  callStart,
  json,
  messageDelta,
  messageStart,
  resume,
  stop,
  text,
  textStart,
} from '../../operators/events.ts';

const block = (words: string) => ({ type: 'text', text: words, citations: null });

function cursorAfter(...events: Parameters<BlockCursor['push']>[0][]): BlockCursor {
  const cursor = new BlockCursor();
  for (const event of events) cursor.push(event);
  return cursor;
}

describe('BlockCursor', () => {
  it('hands out each block once', () => {
    const cursor = cursorAfter(messageStart(), textStart(0, 'a'), textStart(1, 'b'));
    expect(cursor.takeAllButLast()).toEqual([block('a')]);
    expect(cursor.takeAllButLast()).toEqual([]);
    expect(cursor.takeAll()).toEqual([block('b')]);
    expect(cursor.takeAll()).toEqual([]);
    expect(cursor.takeAllButLast()).toEqual([]);
    expect(cursor.taken).toEqual([block('a'), block('b')]);
  });

  it('has nothing before message_start', () => {
    const cursor = cursorAfter(textStart(0, 'a'), stop(0));
    expect(cursor.message).toBeUndefined();
    expect(cursor.takeAll()).toEqual([]);
    expect(cursor.takeAllButLast()).toEqual([]);
  });

  it('hands out again what comes in the place of a withdrawn block', () => {
    const cursor = cursorAfter(messageStart(), textStart(0, 'a'), textStart(1, 'b'));
    expect(cursor.takeAll()).toHaveLength(2);
    cursor.push(resume(1));
    expect(cursor.taken).toEqual([block('a')]);
    cursor.push(textStart(1, 'c'));
    expect(cursor.takeAll()).toEqual([block('c')]);
  });

  it('tells the stop of the last block from a late one', () => {
    const cursor = cursorAfter(messageStart(), textStart(0), text(0, 'a'), textStart(1));
    expect(cursor.isStopOfLast(stop(0))).toBe(false);
    expect(cursor.isStopOfLast(stop(1))).toBe(true);
    expect(cursor.isStopOfLast(text(1, 'b'))).toBe(false);
  });

  it('knows the last block also where its start is missing', () => {
    const cursor = cursorAfter(messageStart(), textStart(0, 'a'), text(1, 'b'));
    expect(cursor.isStopOfLast(stop(1))).toBe(true);
    expect(cursor.takeAll()).toEqual([block('a'), block('b')]);
  });

  it('counts anew with the next message', () => {
    const cursor = cursorAfter(messageStart(), textStart(3, 'a'), stop(3), messageStart('msg_2'));
    cursor.push(text(0, 'b'));
    expect(cursor.isStopOfLast(stop(0))).toBe(true);
    expect(cursor.takeAll()).toEqual([block('b')]);
  });

  it('takes a gateway that gives all blocks the same index', () => {
    const cursor = cursorAfter(messageStart(), callStart(0), json(0, '{"a":1}'), callStart(0));
    expect(cursor.takeAllButLast()).toStrictEqual([callBlock(0, { a: 1 })]);
    cursor.push(json(0, '{"a":2}'));
    expect(cursor.isStopOfLast(stop(0))).toBe(true);
    cursor.push(stop(0));
    expect(cursor.takeAll()).toStrictEqual([callBlock(0, { a: 2 })]);
  });

  it.each([
    ['the next start', textStart(1)],
    ['a stop reason', messageDelta('tool_use')],
  ])('ends a call without a stop with %s', (_what, event) => {
    const cursor = cursorAfter(messageStart(), callStart(0), json(0, '{"a":1}'), event);
    expect(cursor.takeAll()[0]).toStrictEqual(callBlock(0, { a: 1 }));
  });

  it('keeps the text of an input that is no JSON', () => {
    const cursor = cursorAfter(messageStart(), callStart(0), json(0, '{"a"'), stop(0));
    expect(cursor.takeAll()).toStrictEqual([{ ...callBlock(0, {}), [unfinishedInput]: '{"a"' }]);
  });
});
