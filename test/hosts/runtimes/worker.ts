import { runChecks } from './checks.ts';

/** The runtime of Cloudflare Workers. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const result = await runChecks(searchParams.get('api') ?? '', searchParams.get('nobody') ?? '');
    return Response.json(result);
  },
};
