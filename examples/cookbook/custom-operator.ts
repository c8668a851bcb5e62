// An operator of one's own, composed of those that are there: the code blocks of a Markdown reply,
// each as soon as it is complete.
import { fromMessages, segmentText, textOnly } from 'claude-rx';
import { messageEvents } from 'claude-rx/testing';
import { concatMap, defer, EMPTY, lastValueFrom, of, type OperatorFunction, tap } from 'rxjs';
import { connect, question } from './connect.ts';

interface CodeBlock {
  language: string;
  code: string;
}

/** Emits each fenced block of code. Errors and completion are passed on; nothing is kept of the rest. */
function codeBlocks(): OperatorFunction<string, CodeBlock> {
  return (text$) =>
    // The state of one subscription, so that a second one begins anew.
    defer(() => {
      let open: CodeBlock | undefined;
      return text$.pipe(
        segmentText('line'),
        concatMap((line) => {
          const fence = /^```(\w*)\s*$/.exec(line);
          if (open && !fence) open.code += line;
          if (!fence) return EMPTY;
          const done = open;
          open = done ? undefined : { language: fence[1] ?? '', code: '' };
          return done ? of(done) : EMPTY;
        }),
      );
    });
}

const markdown = 'Two ways:\n\n```ts\nconst one = 1;\n```\n\nor\n\n```py\none = 1\n```\n\nDone.';
await using api = await connect({ events: messageEvents.text(markdown), pace: 5 });

const blocks$ = fromMessages(
  api.client,
  question('One, as a constant, in TypeScript and Python.'),
).pipe(textOnly(), codeBlocks());
await lastValueFrom(
  blocks$.pipe(tap(({ language, code }) => console.log(`[${language}] ${code.trim()}`))),
);
