// Reads vitest's JSON report and prints `passed failed skipped`. A file that could not even be loaded has no tests in it: it counts as one failed.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const failed = report.numFailedTests + unloaded.length;
for (const file of report.testResults) {
  for (const test of file.assertionResults) if (test.status === 'failed') console.error(`failed: ${file.name}: ${test.fullName}`);
}
for (const file of unloaded) console.error(`not loaded: ${file.name}: ${file.message}`);
console.log(report.numPassedTests, failed > 0 || report.success ? failed : 1, report.numPendingTests + report.numTodoTests);
