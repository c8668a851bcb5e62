import { LONGEST_TIMER } from '../flow/longestTimer.ts';
import { requireFunction, requireNumbers } from '../flow/require.ts';
import type { EncodableEvent } from '../sse/encodeEvent.ts';
import type { OrphanPolicy, RelayConfig } from './Relay.ts';

const DEFAULTS = {
  lease: 10_000,
  ttl: 3_600_000,
  maxEvents: 5_000,
  maxEventSize: 4_194_304,
  maxBuffered: 8_388_608,
  maxUnread: 1_048_576,
  patience: 30_000,
  maxTakeOvers: 3,
};

const ORPHANS: ReadonlySet<unknown> = new Set<OrphanPolicy>(['resume', 'end', 'keep']);

type Numbers = typeof DEFAULTS;

/** The options with their defaults. Throws a TypeError for an option that is out of range. */
export function relayConfig<E extends EncodableEvent>(
  config: RelayConfig<E>,
): Pick<RelayConfig<E>, 'store' | 'resume'> & { orphans: OrphanPolicy } & Numbers {
  const { store, resume, orphans = resume ? 'resume' : 'end', ...given } = config;
  if (store !== undefined && typeof store?.append !== 'function') {
    throw new TypeError('createRelay: `store` must be a RelayStore, such as new MemoryStore()');
  }
  if (resume !== undefined) {
    const wanted = 'a function that returns the rest of a reply';
    requireFunction('createRelay', 'resume', resume, wanted);
  }
  if (!ORPHANS.has(orphans)) {
    throw new TypeError(
      `createRelay: orphans must be 'resume', 'end' or 'keep', not ${String(orphans)}`,
    );
  }
  if (orphans === 'resume' && !resume) {
    throw new TypeError("createRelay: orphans: 'resume' needs the option `resume`");
  }
  const numbers = { ...DEFAULTS, ...withoutUndefined(given) };
  for (const name of Object.keys(DEFAULTS) as (keyof Numbers)[]) {
    const value = numbers[name];
    const min = name === 'maxTakeOvers' ? 0 : 1;
    requireNumbers('createRelay', { [name]: value }, { min, max: LONGEST_TIMER });
  }
  if (numbers.ttl < numbers.lease) {
    throw new TypeError(
      `createRelay: ttl must not be shorter than lease: ttl is ${numbers.ttl} ms, lease ${numbers.lease} ms`,
    );
  }
  return { ...(store && { store }), ...(resume && { resume }), orphans, ...numbers };
}

function withoutUndefined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
