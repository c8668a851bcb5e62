import { createAnthropic } from '@ai-sdk/anthropic';
import { ChatAnthropic } from '@langchain/anthropic';
import { chat } from '@tanstack/ai';
import { createAnthropicChat } from '@tanstack/ai-anthropic';
import { streamText } from 'ai';
import type { Contender } from './measure.ts';
import type { Reply } from './replies.ts';

const MODEL = 'claude-opus-4-5';

/** The text of a reply as other libraries read it, each the way its documentation says. */
export function peers(respond: () => Response, { length }: Reply): Record<string, Contender> {
  const fetch = async () => respond();
  const aiModel = createAnthropic({ apiKey: 'none', fetch })(MODEL);
  const langchain = new ChatAnthropic({
    apiKey: 'none',
    model: MODEL,
    maxRetries: 0,
    clientOptions: { fetch },
  });
  const tanstack = createAnthropicChat(MODEL, 'none', { fetch });
  return {
    'AI SDK textStream': {
      run: () => lengthOfAll(streamText({ model: aiModel, prompt: 'Hello' }).textStream),
      expected: length,
      most: 3,
    },
    'LangChain stream': {
      run: async () => {
        let count = 0;
        for await (const chunk of await langchain.stream('Hello')) count += chunk.text.length;
        return count;
      },
      expected: length,
    },
    'TanStack AI chat': {
      run: async () => {
        let count = 0;
        const messages = [{ role: 'user' as const, content: 'Hello' }];
        for await (const chunk of chat({ adapter: tanstack, messages })) {
          if (chunk.type === 'TEXT_MESSAGE_CONTENT') count += chunk.delta.length;
        }
        return count;
      },
      expected: length,
    },
  };
}

/** The AI SDK's text, over HTTP: what a server that uses it does. */
export function aiSdkOver(baseURL: string, length: number): Contender {
  const model = createAnthropic({ apiKey: 'none', baseURL: `${baseURL}/v1` })(MODEL);
  return {
    run: () => lengthOfAll(streamText({ model, prompt: 'Hello' }).textStream),
    expected: length,
  };
}

async function lengthOfAll(texts: AsyncIterable<string>): Promise<number> {
  let count = 0;
  for await (const text of texts) count += text.length;
  return count;
}
