/** The entry point of the deciding Worker: everything that it will need, imported, and then served with. */

import { CALLS } from './calls.ts';
import { serve } from './serve.ts';

serve(CALLS);
