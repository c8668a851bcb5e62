import { type Fault, messageEvents, type ReceivedRequest, type Reply } from 'claude-rx/testing';
import {
  backpressure,
  flood,
  fallback,
  hotel,
  reportOf,
  type Script,
  timeZone,
  trip,
  weather,
} from './scripts.js';

/** Milliseconds between two deltas, and characters in one: about as a model writes. */
const PACE = 18;
const CHUNK = 5;

/** What the request for a continuation says last: the words that it is to begin with. */
const ANCHOR = /go on from there\. They are:\n([^]*)$/;

interface Turn {
  role: 'user' | 'assistant';
  content: string | { type: string; text?: string; content?: unknown }[];
}

/**
 * A model for the demo, as the `handle` of a `MessagesServer`: it has something to say to a few
 * prompts, goes on from where the request says that a reply broke off, and has the fault that the
 * header `x-demo-fault` asks for.
 */
export function playReply({ body, headers }: ReceivedRequest): Reply {
  const turns = body.messages as Turn[];
  const anchor = ANCHOR.exec(textOf(turns.at(-1)))?.[1];
  const isContinued = textOf(turns.at(-1)).startsWith('Your previous response was interrupted');
  const asked = isContinued ? turns.slice(0, -2) : turns;
  const said = isContinued ? textOf(turns.at(-2)) : '';
  const tools = ((body.tools ?? []) as { name: string }[]).map(({ name }) => name);
  const script = tools.includes('book_hotel')
    ? agentScript(asked.at(-1), tools)
    : scriptFor(textOf(asked.at(-1)));
  const fault = headers['x-demo-fault'];
  return {
    events: eventsOf(script, said, anchor ?? ''),
    ...(script.atOnce ? { chunk: 16_384 } : { pace: PACE }),
    ...(fault && { faults: faultsOf(fault, isContinued) }),
  };
}

function scriptFor(prompt: string): Script {
  if (/20,000|flood/i.test(prompt)) return flood();
  if (/trip|weekend|lisbon|itinerary/i.test(prompt)) return trip;
  if (/backpressure|stream|rxjs/i.test(prompt)) return backpressure;
  return fallback(prompt);
}

/** With the tools of the agent. */
function agentScript(turn: Turn | undefined, tools: string[]): Script {
  const blocks = Array.isArray(turn?.content) ? turn.content : [];
  if (blocks.length > 0 && blocks.every(({ type }) => type === 'tool_result')) {
    return reportOf(blocks.map(({ content }) => JSON.stringify(content)).join(', '));
  }
  const prompt = textOf(turn);
  if (/weather/i.test(prompt)) return weather;
  if (/hotel|book/i.test(prompt)) return hotel;
  if (/time zone/i.test(prompt) && tools.includes('get_time_zone')) return timeZone;
  return scriptFor(prompt);
}

/** The reply, or what of it comes after `said`; then it begins with the words that were asked for. */
function eventsOf({ thinking, text, tool, atOnce }: Script, said: string, anchor: string) {
  const rest = `${said && anchor}${text.slice(said.length)}`;
  let reply = messageEvents;
  if (thinking && !said) reply = reply.thinking(thinking, { chunk: CHUNK });
  if (rest) reply = reply.text(rest, { chunk: atOnce ? 5 : CHUNK });
  if (tool) reply = reply.toolUse(tool.name, tool.input, { chunk: CHUNK, id: tool.id });
  return reply;
}

function faultsOf(fault: string, isContinued: boolean): Fault[] {
  switch (fault) {
    case 'stall':
      return [{ kind: 'stall', beforeEvent: 130 }];
    case 'slow':
      return [{ kind: 'drip', ms: 1 }];
    case 'overloaded':
      return [{ kind: 'error', beforeEvent: isContinued ? 12 : 120 }];
    default:
      return [];
  }
}

function textOf(turn: Turn | undefined): string {
  if (turn === undefined) return '';
  if (typeof turn.content === 'string') return turn.content;
  return turn.content.map(({ text = '' }) => text).join('');
}
