import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  IncrementalJsonParser,
  type IncrementalJsonParserConfig,
} from '../../../src/json/IncrementalJsonParser.ts';
import type { JsonSyntaxError } from '../../../src/json/JsonSyntaxError.ts';
import type { JsonValue } from '../../../src/json/JsonValue.ts';
import { deepFreeze } from '../../support/deepFreeze.ts';
import { finished, shownPart } from './closeJson.ts';
import { anyText, cut, jsonText } from './jsonTexts.ts';

const json = cut(jsonText(true));
/** JSON without repeated keys. */
const plainJson = cut(jsonText(false));
const text = cut(anyText);

type Snapshot = JsonValue | undefined;

/** All that `JSON.parse` takes. */
const newParser = (config?: IncrementalJsonParserConfig) =>
  new IncrementalJsonParser({ maxDepth: Infinity, ...config });

/** Each invariant in the doc comment of `IncrementalJsonParser`, by its number. */
export function testJsonProperties(numRuns: number, timeout: number): void {
  const holds = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void) =>
    fc.assert(fc.property(arbitrary, property), { numRuns });

  describe('IncrementalJsonParser, for any text and any splitting', { timeout }, () => {
    it('1. ends with the value of JSON.parse', () => {
      holds(json, (deltas) => {
        const parser = newParser();
        for (const delta of deltas) parser.push(delta);
        expect(exact(parser.end())).toBe(exact(JSON.parse(deltas.join(''))));
        expect(parser.end()).toBe(parser.value);
      });
    });

    it('2. has the value of JSON.parse for each prefix, read or not', () => {
      holds(fc.tuple(json, fc.func(fc.boolean())), ([deltas, isRead]) => {
        const parser = newParser();
        let sofar = '';
        const mistakes = [...deltas, ''].filter((delta, i) => {
          parser.push(delta);
          sofar += delta;
          return (isRead(i) || delta === '') && exact(parser.value) !== exact(shown(sofar, false));
        });
        expect(mistakes).toEqual([]);
      });
    });

    it('3. only grows', () => {
      holds(plainJson, (deltas) => {
        expect(successive(deltas).filter(([before, later]) => !hasGrown(before, later))).toEqual(
          [],
        );
      });
    });

    it('4. never changes a returned value', () => {
      holds(json, (deltas) => {
        const parser = newParser();
        const snapshots = deltas.map((delta) => {
          parser.push(delta);
          return deepFreeze(parser.value);
        });
        const before = snapshots.map(exact);
        parser.end();
        expect(snapshots.map(exact)).toEqual(before);
        expect(before).toEqual(successive(deltas).map(([, later]) => exact(later)));
      });
    });

    it('5. keeps unchanged branches', () => {
      holds(plainJson, (deltas) => {
        expect(successive(deltas).filter(([before, later]) => !isShared(before, later))).toEqual(
          [],
        );
      });
    });

    it('6. refuses what JSON.parse refuses, as soon as the text cannot become JSON', () => {
      holds(text, (deltas) => {
        const whole = deltas.join('');
        const { error, pushed, last } = run(newParser(), deltas);
        const position = error?.position ?? whole.length;
        expect(error === undefined).toBe(isJson(whole));
        expect(isJson(finished(whole.slice(0, position)))).toBe(true);
        // A text that could go on is refused by `end()`, any other by the `push()` of that place.
        expect(position < pushed).toBe(position < whole.length);
        expect(position).toBeGreaterThanOrEqual(pushed - last);
      });
    });

    it('7. fails with the same error, position and value, also from then on', () => {
      const failing = text.filter((deltas) => !isJson(deltas.join('')));
      holds(failing, (deltas) => {
        const whole = deltas.join('');
        const [parser, other] = [newParser(), newParser()];
        const { error } = run(parser, deltas);
        expect(error).toStrictEqual(run(other, [whole]).error);
        const { position } = error!;
        const front = whole.slice(0, position);
        expect(error).toMatchObject({
          name: 'JsonSyntaxError',
          line: front.split('\n').length,
          column: position - front.lastIndexOf('\n'),
          context: whole.slice(Math.max(0, position - 39), position + 1),
        });
        for (const action of [() => parser.push(''), () => parser.push(' '), () => parser.end()]) {
          expect(thrownBy(action)).toBe(error);
          expect(exact(parser.value)).toBe(exact(shown(front, position < whole.length)));
        }
        expect(parser.complete).toBe(false);
        expect(exact(other.value)).toBe(exact(parser.value));
      });
    });

    it('8. is complete exactly when only white space can follow', () => {
      holds(json, (deltas) => {
        const parser = newParser();
        let sofar = '';
        const mistakes = deltas.filter((delta) => {
          parser.push(delta);
          sofar += delta;
          const isOpenNumber = /^\s*[-+.\deE]+$/.test(sofar);
          return parser.complete !== (isJson(sofar) && !isOpenNumber);
        });
        expect(mistakes).toEqual([]);
        parser.end();
        expect(parser.complete).toBe(true);
      });
    });

    it('returns the elements of one array when they are complete, and keeps them or not', () => {
      const path = fc.array(fc.constantFrom('a', 'b', 'c', 0, 1), { maxLength: 3 });
      const elements = fc.array(jsonText(true), { maxLength: 5 });
      const input = fc.tuple(path, elements).chain(([at, texts]) => {
        const list = `[${texts.join(',')}]`;
        return fc.record({
          at: fc.constant(at),
          expected: fc.constant(exact(JSON.parse(list))),
          deltas: cut(fc.constant(at.reduceRight(around, list))),
          keepElements: fc.boolean(),
        });
      });
      holds(input, ({ at, expected, deltas, keepElements }) => {
        const parser = newParser({ elementsAt: at, keepElements });
        let mostKept = 0;
        const taken = deltas.flatMap((delta) => {
          parser.push(delta);
          mostKept = Math.max(mostKept, arrayAt(parser.value, at).length);
          return parser.takeElements();
        });
        expect(exact(taken)).toBe(expected);
        expect(exact(arrayAt(parser.end(), at))).toBe(keepElements ? expected : '[]');
        expect(mostKept).toBeLessThanOrEqual(keepElements ? taken.length : 1);
      });
    });
  });
}

/** A text that says exactly what the value is, with the order of its keys. */
function exact(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'number') return `number ${Object.is(inner, -0) ? '-0' : inner}`;
    return typeof inner === 'string' ? `string ${inner}` : inner;
  });
}

function shown(sofar: string, isNumberWhole: boolean): unknown {
  const part = shownPart(sofar, isNumberWhole);
  return part === undefined ? undefined : JSON.parse(part);
}

/** Each snapshot with the one before. */
function successive(deltas: readonly string[]): [before: Snapshot, later: Snapshot][] {
  const parser = newParser();
  return deltas.map((delta) => {
    const before = parser.value;
    parser.push(delta);
    return [before, parser.value];
  });
}

function run(parser: IncrementalJsonParser, deltas: readonly string[]) {
  let pushed = 0;
  let last = 0;
  const error = thrownBy(() => {
    for (const delta of deltas) {
      last = delta.length;
      pushed += last;
      parser.push(delta);
    }
    parser.end();
  });
  return { error: error as JsonSyntaxError | undefined, pushed, last };
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

function isJson(whole: string): boolean {
  return thrownBy(() => JSON.parse(whole)) === undefined;
}

function hasGrown(before: Snapshot, later: Snapshot): boolean {
  if (before === undefined || before === later) return true;
  if (typeof before === 'string') return typeof later === 'string' && later.startsWith(before);
  if (typeof before !== 'object' || before === null) return false;
  if (Array.isArray(later) !== Array.isArray(before)) return false;
  const other = later as Record<string, JsonValue>;
  const entries = Object.entries(before);
  const changed = entries.filter(([key, value]) => other[key] !== value);
  return changed.length <= 1 && changed.every(([key, value]) => hasGrown(value, other[key]));
}

function isShared(before: Snapshot, later: Snapshot): boolean {
  if (before === later) return true;
  if (isDeepStrictEqual(before, later)) return false;
  if (typeof before !== 'object' || before === null) return true;
  const other = later as Record<string, JsonValue>;
  return Object.entries(before).every(([key, value]) => isShared(value, other[key]));
}

/** JSON that has `inner` at `step`. */
function around(inner: string, step: string | number): string {
  return typeof step === 'string'
    ? `{"other":[[1],2],${JSON.stringify(step)}:${inner}}`
    : `[${'[["other"]],'.repeat(step)}${inner},[[3]]]`;
}

function arrayAt(value: unknown, path: readonly (string | number)[]): unknown[] {
  const at = path.reduce<unknown>((inner, step) => (inner as unknown[])?.[step as number], value);
  return (at ?? []) as unknown[];
}
