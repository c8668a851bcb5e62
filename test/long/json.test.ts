import { testJsonProperties } from '../src/json/jsonProperties.ts';

testJsonProperties(Number(process.env.JSON_RUNS ?? 20_000), 10 * 60_000);
