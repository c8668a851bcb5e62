import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import css from 'highlight.js/lib/languages/css';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';

// Each one has its aliases: `ts`, `js`, `tsx`, `html`, `sh`, `py`.
for (const [name, language] of Object.entries({ bash, css, json, python, typescript, xml })) {
  hljs.registerLanguage(name, language);
}
hljs.registerAliases(['js', 'jsx', 'javascript'], { languageName: 'typescript' });

let last: { code: string; lang: string; html: string } | undefined;

/**
 * A block of code as HTML with the classes of its colours; `undefined` for a language that is not
 * known. The last block is kept, since a block of Markdown is rendered until the next ones settle.
 */
export function coloredCode(code: string, lang: string): string | undefined {
  if (last?.code === code && last.lang === lang) return last.html;
  if (!hljs.getLanguage(lang)) return undefined;
  last = { code, lang, html: hljs.highlight(code, { language: lang }).value };
  return last.html;
}
