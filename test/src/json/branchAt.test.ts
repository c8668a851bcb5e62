import { describe, expect, it } from 'vitest';
import { branchAt, requirePath } from '../../../src/json/branchAt.ts';

describe('branchAt', () => {
  const value: unknown = JSON.parse(
    '{"steps":[{"text":"mix"},null],"0":"zero","__proto__":{"own":[]},"no":null,"":1}',
  );

  it.each([
    [[], value],
    [['steps', 0, 'text'], 'mix'],
    [['steps', 1], null],
    [['0'], 'zero'],
    [['__proto__', 'own'], []],
    [['no'], null],
    [[''], 1],
  ])('finds %j', (path, branch) => {
    expect(branchAt(value, path)).toEqual(branch);
  });

  it.each([
    [['other']],
    [['steps', 2]],
    [['steps', -1]],
    [['steps', 0.5]],
    [['no', 'more']],
    [['steps', 0, 'text', 'length']],
    [['steps', 0, 'text', 0]],
    [['steps', 'length']],
    // A key of an object is a string, an index of an array a number: as the parser has it.
    [['steps', '0']],
    [[0]],
    [['toString']],
    [['constructor', 'name']],
    [['steps', '__proto__']],
  ])('finds nothing at %j', (path) => {
    expect(branchAt(value, path)).toBeUndefined();
  });

  it('finds nothing in nothing', () => {
    expect(branchAt(undefined, ['a'])).toBeUndefined();
    expect(branchAt(null, ['a'])).toBeUndefined();
    expect(branchAt('text', [0])).toBeUndefined();
    expect(branchAt(undefined, [])).toBeUndefined();
  });
});

describe('requirePath', () => {
  it.each([undefined, 'a', {}, 5, [null], [['a']], [Symbol('a')]])(
    'refuses %o, with the name of the caller and advice',
    (path) => {
      expect(() => requirePath('jsonPath', path)).toThrow(
        new TypeError(
          "jsonPath: pass the path as an array of keys and indices, such as ['steps', 0]",
        ),
      );
    },
  );

  it('accepts keys and indices', () => {
    expect(() => requirePath('jsonPath', [])).not.toThrow();
    expect(() => requirePath('jsonPath', ['a', 0, ''])).not.toThrow();
  });
});
