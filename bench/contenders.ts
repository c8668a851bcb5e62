import Anthropic from '@anthropic-ai/sdk';
import { Stream } from '@anthropic-ai/sdk/streaming';
import {
  accumulateMessage,
  finalMessage,
  fromMessages,
  fromResponse,
  type MessagesOptions,
  type StreamEvent,
  textOnly,
  toolInput,
} from 'claude-rx';
import { from, lastValueFrom, type Observable, reduce } from 'rxjs';
import { lengthOf, type Reply } from './replies.ts';
import type { Contender } from './measure.ts';

export const params = {
  model: 'claude-opus-5-5' as const,
  max_tokens: 64_000,
  messages: [{ role: 'user' as const, content: 'Hello' }],
};

/** A client of the SDK whose requests are answered by `fetch`. */
export const clientOf = (fetch: () => Promise<Response>): Anthropic =>
  new Anthropic({ apiKey: 'none', maxRetries: 0, fetch });

/** The floor: what everybody must do, and nothing else. */
export async function floor(response: Response): Promise<number> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let count = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return count;
    const frames = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = frames.pop()!;
    for (const frame of frames) {
      count += lengthOf(JSON.parse(frame.slice(frame.indexOf('data: ') + 6)));
    }
  }
}

async function readAll(stream: AsyncIterable<StreamEvent>): Promise<number> {
  let count = 0;
  for await (const event of stream) count += lengthOf(event);
  return count;
}

const counted = (events: Observable<StreamEvent>): Promise<number> =>
  lastValueFrom(events.pipe(reduce((count, event) => count + lengthOf(event), 0)));

const lengthOfMessage = ({ content }: Anthropic.Message): number =>
  content.reduce((count, block) => count + (block.type === 'text' ? block.text.length : 0), 0);

/** Contenders that read a response; what they read it into is in their name. */
export function readers(respond: () => Response, { length }: Reply): Record<string, Contender> {
  const client = clientOf(async () => respond());
  return {
    floor: { run: () => floor(respond()), expected: length },
    'SDK raw': {
      run: () => readAll(Stream.fromSSEResponse<StreamEvent>(respond(), new AbortController())),
      expected: length,
    },
    'rxjs from(SDK raw)': {
      run: () =>
        counted(from(Stream.fromSSEResponse<StreamEvent>(respond(), new AbortController()))),
      expected: length,
    },
    'SDK MessageStream': {
      run: async () => lengthOfMessage(await client.messages.stream(params).finalMessage()),
      expected: length,
    },
    'claude-rx': { run: () => counted(fromResponse(respond())), expected: length },
    'claude-rx, textOnly': {
      run: () =>
        lastValueFrom(
          fromResponse(respond()).pipe(
            textOnly(),
            reduce((count, text) => count + text.length, 0),
          ),
        ),
      expected: length,
    },
    'claude-rx, accumulateMessage': {
      run: async () =>
        lengthOfMessage(await lastValueFrom(fromResponse(respond()).pipe(accumulateMessage()))),
      expected: length,
    },
    'claude-rx, finalMessage': {
      run: async () =>
        lengthOfMessage(await lastValueFrom(fromResponse(respond()).pipe(finalMessage()))),
      expected: length,
    },
  };
}

/** Contenders for a reply with a tool's input, where a live value of it is read at each delta. */
export function toolReaders(
  respond: () => Response,
  tool: string,
  { length }: Reply,
  readsInput: boolean,
): Record<string, Contender> {
  const client = clientOf(async () => respond());
  const all = readers(respond, { length } as Reply);
  const live = readsInput ? ' reading `inputJson`' : '';
  return {
    floor: all['floor']!,
    'SDK raw': all['SDK raw']!,
    [`SDK MessageStream${live}`]: {
      run: async () => {
        const stream = client.messages.stream(params);
        let values = 0;
        if (readsInput) stream.on('inputJson', () => values++);
        const { content } = await stream.finalMessage();
        return content.some((block) => block.type === 'tool_use' && block.name === tool) ? 1 : 0;
      },
      expected: 1,
    },
    'claude-rx': all['claude-rx']!,
    'claude-rx, toolInput (a live value)': {
      run: async () => {
        const last = await lastValueFrom(fromResponse(respond()).pipe(toolInput(tool)));
        return last.status === 'complete' ? 1 : 0;
      },
      expected: 1,
    },
    'claude-rx, finalMessage': {
      run: async () => {
        const message = await lastValueFrom(fromResponse(respond()).pipe(finalMessage()));
        return message.content.some(({ type }) => type === 'tool_use') ? 1 : 0;
      },
      expected: 1,
    },
  };
}

/** Contenders that send a request through the SDK's client. */
export function requesters(
  client: Anthropic,
  { length }: Reply,
  options?: MessagesOptions,
): Record<string, Contender> {
  return {
    'SDK raw': {
      run: async () => readAll(await client.messages.create({ ...params, stream: true })),
      expected: length,
    },
    'rxjs from(SDK raw)': {
      run: async () => counted(from(await client.messages.create({ ...params, stream: true }))),
      expected: length,
    },
    'SDK MessageStream': {
      run: async () => lengthOfMessage(await client.messages.stream(params).finalMessage()),
      expected: length,
    },
    'claude-rx': { run: () => counted(fromMessages(client, params, options)), expected: length },
    'claude-rx, textOnly': {
      run: () =>
        lastValueFrom(
          fromMessages(client, params, options).pipe(
            textOnly(),
            reduce((count, text) => count + text.length, 0),
          ),
        ),
      expected: length,
    },
    'claude-rx, finalMessage': {
      run: async () =>
        lengthOfMessage(
          await lastValueFrom(fromMessages(client, params, options).pipe(finalMessage())),
        ),
      expected: length,
    },
  };
}

/** Contenders that, like ours, can be aborted before the response is there. */
export function abortable(client: Anthropic, { length }: Reply): Record<string, Contender> {
  const body = { ...params, stream: true as const };
  const request = () => ({ signal: new AbortController().signal });
  return {
    'floor, with a signal': {
      run: async () => floor(await client.messages.create(body, request()).asResponse()),
      expected: length,
    },
    'SDK raw, with a signal': {
      run: async () => readAll(await client.messages.create(body, request())),
      expected: length,
    },
  };
}

/** Each contender, many times: one after another, or all at once. */
export function repeated(
  contenders: Record<string, Contender>,
  count: number,
  how: 'one after another' | 'at once',
  prepare?: () => void,
): Record<string, Contender> {
  return Object.fromEntries(
    Object.entries(contenders).map(([name, { run, expected }]) => {
      const runAll = async (): Promise<number> => {
        if (how === 'at once') {
          const found = await Promise.all(Array.from({ length: count }, run));
          return found.reduce((sum, one) => sum + one, 0);
        }
        let sum = 0;
        for (let i = 0; i < count; i++) sum += await run();
        return sum;
      };
      return [name, { run: runAll, expected: expected * count, prepare }];
    }),
  );
}
