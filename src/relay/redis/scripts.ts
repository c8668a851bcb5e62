import { createHash } from 'node:crypto';

/** A Lua script, and the name by which Redis remembers it. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

// KEYS: the head of a log (a hash) and its entries (a stream, with ids `<number>-0`). Redis runs a
// script as a whole, and writes what it does to the append-only file as one transaction.
// https://redis.io/docs/latest/develop/programmability/eval-intro/
const COMMON = `
local head, log = KEYS[1], KEYS[2]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function refusal(owner)
  local known = redis.call('HMGET', head, 'owner', 'ended')
  if not known[1] then return 'unknown' end
  if known[1] ~= owner then return 'superseded' end
  if known[2] then return 'ended' end
end
local function keep(ttl)
  redis.call('PEXPIRE', head, ttl)
  redis.call('PEXPIRE', log, ttl)
end
local function hold(lease, ttl)
  redis.call('HSET', head, 'until', string.format('%.0f', now() + lease), 'ttl', ttl)
  keep(ttl)
end
local function add(number, data)
  redis.call('XADD', log, number .. '-0', 'd', data)
end
`;

/** owner, lease, ttl, tag, request or nothing */
export const BEGIN: Script = script(`
local owner = redis.call('HGET', head, 'owner')
if owner then return owner == ARGV[1] and 1 or 0 end
redis.call('DEL', log)
redis.call('HSET', head, 'owner', ARGV[1], 'tag', ARGV[4], 'last', '0', 'writers', '1')
if ARGV[5] then redis.call('HSET', head, 'request', ARGV[5]) end
hold(ARGV[2], ARGV[3])
return 1
`);

/** owner, lease, ttl, the most writers */
export const TAKE_OVER: Script = script(`
local known = redis.call('HMGET', head, 'owner', 'ended', 'until', 'writers')
if not known[1] or known[2] then return 0 end
if known[1] == ARGV[1] then return 1 end
if tonumber(known[3]) > now() or tonumber(known[4]) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', head, 'owner', ARGV[1])
redis.call('HINCRBY', head, 'writers', 1)
hold(ARGV[2], ARGV[3])
return 1
`);

/** owner, lease, ttl */
export const RENEW: Script = script(`
local refused = refusal(ARGV[1])
if refused then return refused end
hold(ARGV[2], ARGV[3])
return 'done'
`);

/** owner, lease, ttl, after, 1 where it ends or else 0, then number and data of each entry */
export const APPEND: Script = script(`
local known = redis.call('HMGET', head, 'owner', 'last', 'ended')
if known[1] == ARGV[1] and known[2] == ARGV[#ARGV - 1] and known[3] ~= 'by another' then
  return 'done'
end
local refused = refusal(ARGV[1])
if refused then return refused end
if known[2] ~= ARGV[4] then return 'diverged' end
for at = 6, #ARGV, 2 do add(ARGV[at], ARGV[at + 1]) end
redis.call('HSET', head, 'last', ARGV[#ARGV - 1])
if ARGV[5] == '1' then redis.call('HSET', head, 'ended', 'by its writer') end
hold(ARGV[2], ARGV[3])
return 'done'
`);

/** owner, lease, ttl, then number and data of each entry */
export const COMPACT: Script = script(`
local refused = refusal(ARGV[1])
if refused then return refused end
if redis.call('HGET', head, 'last') ~= ARGV[#ARGV - 1] then return 'diverged' end
redis.call('DEL', log)
for at = 4, #ARGV, 2 do add(ARGV[at], ARGV[at + 1]) end
hold(ARGV[2], ARGV[3])
return 'done'
`);

/** the data of the ending, the id; KEYS also has the stream that tells writers */
export const END: Script = script(`
local known = redis.call('HMGET', head, 'last', 'ended', 'ttl')
if not known[1] or known[2] then return 0 end
local number = string.format('%.0f', known[1] + 1)
add(number, ARGV[1])
redis.call('HSET', head, 'last', number, 'ended', 'by another')
keep(known[3])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', '1000', '*', 'd', ARGV[2])
redis.call('PEXPIRE', KEYS[3], 600000)
return 1
`);

export const HEAD: Script = script(`
local known = redis.call('HMGET', head, 'tag', 'last', 'ended', 'until', 'writers', 'request')
if not known[1] then return false end
return { known[1], known[2], known[3] or '', string.format('%.0f', known[4] - now()), known[5], known[6] or '' }
`);

function script(body: string): Script {
  const source = COMMON + body;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
