import { rounds } from '../../support/rounds.ts';
import { testJsonProperties } from './jsonProperties.ts';

testJsonProperties(rounds(600), 20_000);
