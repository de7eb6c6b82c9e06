/** A refusal as Entra words it. */
export class Refusal extends Error {
  readonly code: number;
  readonly error: string;
  readonly status: number;

  constructor(code: number, error: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.error = error;
    this.status = status;
  }

  body(): object {
    const [trace, correlation, timestamp] = [crypto.randomUUID(), crypto.randomUUID(), new Date().toISOString()];
    return {
      error: this.error,
      error_description: `AADSTS${this.code}: ${this.message} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [this.code],
      timestamp,
      trace_id: trace,
      correlation_id: correlation,
      error_uri: `https://login.example/error?code=${this.code}`,
    };
  }
}
