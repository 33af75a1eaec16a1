/**
 * `node --import landward/auto app.js`: confines an application by the `landward.toml` of its project before its first
 * line runs. Without such a file, or where it cannot be held, the application does not start (exit status 125).
 */

import { confineApplication } from './launch/application.ts';
import { diagnose } from './launch/diagnostics.ts';
import { printError } from './launch/output.ts';

try {
  await confineApplication();
} catch (error) {
  printError(diagnose(error));
  process.exit(125);
}
