import { describe, expect, it } from 'vitest';
import { filesBelow, root } from '../support/examples.ts';
import { apiPages, exportedNames } from './apiPages.ts';

const pages = apiPages();

describe('the API reference', () => {
  // `npm run docs` writes it anew.
  it.each([...pages])('is what the doc comments say: docs/api/%s', async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${root}docs/api/${path}`);
  });

  it('has no page of something that is gone', () => {
    const gone = filesBelow('docs/api', /\.md$/).filter((file) => !pages.has(file.slice(9)));
    expect(gone).toEqual([]);
  });

  it('has every type that a declaration names, so that it can be imported', () => {
    const all = exportedNames();
    const known = new Set(all.map(({ name }) => name));
    const missing = all.flatMap(({ name, refersTo }) =>
      refersTo.filter((type) => !known.has(type)).map((type) => `${name} names ${type}`),
    );
    expect(missing).toEqual([]);
  });

  it('says something of every function and class', () => {
    const silent = exportedNames().filter(({ kind, doc }) => kind !== 'type' && doc === '');
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});
